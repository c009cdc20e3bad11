//! What the helper leaves itself: one capability, and the system calls that opening an interface takes.
//!
//! A call that is not in the list fails with EPERM instead of ending the process: libpcap looks for files that say
//! more of an interface (`/sys/class/net/NAME/dsa`), and does without.

use anyhow::{Context as _, Result};
use caps::{CapSet, Capability, CapsHashSet};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;

/// The rules of each call: one of them must hold; without any, the call is free.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that are free: they reach nothing that is not open already, or only this process.
const FREE: [i64; 25] = [
    libc::SYS_bind,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_eventfd2,
    libc::SYS_uname,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Sockets that may be made: for capturing, and one on which libpcap asks what an interface can (it cannot connect).
const FAMILIES: [libc::c_int; 2] = [libc::AF_PACKET, libc::AF_UNIX];

/// What may be asked of an interface: its number, flags and kind, and what libpcap asks of its clock. None of them changes it without
/// CAP_NET_ADMIN.
const QUESTIONS: [libc::c_ulong; 4] =
    [libc::SIOCGIFINDEX, libc::SIOCGIFFLAGS, libc::SIOCGIFHWADDR, libc::SIOCETHTOOL];

/// Gives up all that is not needed, for good.
pub(super) fn enter() -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot end with the parent process")?;
    keep_one_capability().context("cannot give up capabilities")?;
    // Another process of the same user could else trace this one and use what it keeps.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot keep other processes out")?;
    // Sets no_new_privs as well.
    seccompiler::apply_filter(&filter()?).context("cannot give up system calls")
}

/// CAP_NET_RAW where it is there: without, whoever asks is told that it is missing.
fn keep_one_capability() -> Result<()> {
    for capability in caps::all() {
        // Takes CAP_SETPCAP; nothing can be executed anyway.
        let _kept = caps::drop(None, CapSet::Bounding, capability);
    }
    let has = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_RAW)?;
    let kept: CapsHashSet = has.then_some(Capability::CAP_NET_RAW).into_iter().collect();
    caps::clear(None, CapSet::Ambient)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    Ok(caps::clear(None, CapSet::Inheritable)?)
}

/// The filter of system calls.
pub(super) fn filter() -> Result<BpfProgram> {
    let mut rules: Rules = FREE.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, one_of(0, FAMILIES.map(|family| u64::from(family.unsigned_abs())))?);
    rules.insert(libc::SYS_ioctl, one_of(1, QUESTIONS)?);
    let no_code = || {
        let is_code = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        SeccompRule::new(vec![SeccompCondition::new(2, SeccompCmpArgLen::Dword, is_code, 0)?])
    };
    rules.insert(libc::SYS_mmap, vec![no_code()?]);
    rules.insert(libc::SYS_mprotect, vec![no_code()?]);
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let machine = std::env::consts::ARCH.try_into()?;
    Ok(SeccompFilter::new(rules, refused, SeccompAction::Allow, machine)?.try_into()?)
}

/// A call whose argument with this number is one of these.
fn one_of<const N: usize>(argument: u8, values: [u64; N]) -> Result<Vec<SeccompRule>> {
    let rule = |value| {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?;
        SeccompRule::new(vec![condition])
    };
    Ok(values.into_iter().map(rule).collect::<Result<_, _>>()?)
}
