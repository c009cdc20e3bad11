//! The calls of the kernel that a confined process can still make (seccomp, BPF programs in the kernel).
//!
//! It is a list of what is allowed, gathered by watching the program in all of its tests; whatever else, also what later kernels bring,
//! answers ENOSYS, as a kernel answers that lacks it. The C library knows that answer and does without (`clone3`, whose flags cannot be looked at,
//! becomes `clone`); a program that is killed for a call that a new C library tries would be a probe that went blind overnight.
//!
//! Another architecture's calls (32-bit ones on x86-64) kill the process: nothing in it makes any.

use anyhow::{Context as _, Result};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// Calls with the same purpose.
pub(super) struct Purpose {
    #[cfg_attr(not(test), expect(dead_code, reason = "for docs/SANDBOX.md, which a test makes"))]
    pub text: &'static str,
    pub calls: &'static [Call],
}

/// A call that is allowed.
pub(super) struct Call {
    #[cfg_attr(not(test), expect(dead_code, reason = "for docs/SANDBOX.md, which a test makes"))]
    pub name: &'static str,
    number: i64,
    pub limit: Limit,
}

/// With which arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Any,
    /// Threads of this process, and no others.
    Threads,
    /// To the process itself.
    Itself,
    /// What is written to is not executed.
    WriteOrExecute,
    /// Nothing becomes executable.
    NotExecutable,
    /// Unix sockets, TCP and UDP.
    Sockets,
    /// Pairs of Unix sockets.
    Pairs,
    /// Not blocking, how many bytes wait, whether it is a terminal and how wide; whether an interface is there and up.
    Controls,
    /// The name of a thread, and names of memory.
    Names,
}

macro_rules! calls {
    ($($name:ident $(: $limit:ident)?),* $(,)?) => {
        &[$(Call { name: stringify!($name), number: libc::$name, limit: calls!(@ $($limit)?) }),*]
    };
    (@) => { Limit::Any };
    (@ $limit:ident) => { Limit::$limit };
}

impl Call {
    /// As it is called in manuals.
    #[cfg(test)]
    pub(super) fn manual_name(&self) -> &'static str {
        self.name.strip_prefix("SYS_").unwrap_or(self.name)
    }
}

impl Limit {
    /// For people.
    #[cfg(test)]
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Threads => "threads only, no processes",
            Self::Itself => "for itself only",
            Self::WriteOrExecute => "not writable and executable at once",
            Self::NotExecutable => "nothing becomes executable",
            Self::Sockets => "Unix, TCP and UDP",
            Self::Pairs => "Unix sockets only",
            Self::Controls => "FIONBIO, FIONREAD, FIOCLEX, TCGETS, TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFFLAGS",
            Self::Names => "PR_SET_NAME, PR_SET_VMA",
        }
    }

    /// Each rule is enough; none at all: any arguments are right.
    fn rules(self) -> Result<Vec<SeccompRule>> {
        Ok(match self {
            Self::Any => Vec::new(),
            Self::Threads => vec![rule(&[has_bits(0, libc::CLONE_THREAD | libc::CLONE_VM)])?],
            Self::Itself => vec![rule(&[is(0, std::process::id().into())])?, rule(&[is(0, 0)])?],
            Self::WriteOrExecute => {
                vec![rule(&[lacks(2, libc::PROT_EXEC)])?, rule(&[lacks(2, libc::PROT_WRITE)])?]
            }
            Self::NotExecutable => vec![rule(&[lacks(2, libc::PROT_EXEC)])?],
            Self::Sockets => sockets()?,
            Self::Pairs => vec![rule(&[is(0, plain(libc::AF_UNIX))])?],
            Self::Controls => {
                let controls = [
                    libc::FIONBIO,
                    libc::FIONREAD,
                    libc::FIOCLEX,
                    libc::TCGETS,
                    libc::TIOCGWINSZ,
                    libc::SIOCGIFINDEX,
                    libc::SIOCGIFFLAGS,
                ];
                controls.into_iter().map(|control| rule(&[is(1, control)])).collect::<Result<_>>()?
            }
            Self::Names => {
                vec![rule(&[is(0, plain(libc::PR_SET_NAME))])?, rule(&[is(0, plain(libc::PR_SET_VMA))])?]
            }
        })
    }
}

/// The calls, by purpose.
pub(super) const PURPOSES: &[Purpose] = &[
    Purpose {
        text: "memory",
        calls: calls![
            SYS_mmap: WriteOrExecute,
            SYS_mprotect: NotExecutable,
            SYS_munmap,
            SYS_mremap,
            SYS_madvise,
            SYS_brk,
            SYS_memfd_create,
        ],
    },
    Purpose {
        text: "threads",
        calls: calls![
            SYS_clone: Threads,
            SYS_exit,
            SYS_exit_group,
            SYS_futex,
            SYS_gettid,
            SYS_membarrier,
            SYS_prctl: Names,
            SYS_rseq,
            SYS_sched_getaffinity,
            SYS_sched_setaffinity,
            SYS_sched_get_priority_max,
            SYS_sched_get_priority_min,
            SYS_sched_getparam,
            SYS_sched_getscheduler,
            SYS_sched_yield,
            SYS_set_robust_list,
            SYS_getcpu,
        ],
    },
    Purpose {
        text: "signals",
        calls: calls![
            SYS_rt_sigaction,
            SYS_rt_sigprocmask,
            SYS_rt_sigreturn,
            SYS_restart_syscall,
            SYS_sigaltstack,
            SYS_tgkill: Itself,
        ],
    },
    Purpose {
        text: "time",
        calls: calls![
            // Without `CAP_SYS_TIME` it asks how right the clock is, and sets nothing.
            SYS_adjtimex,
            SYS_clock_getres,
            SYS_clock_gettime,
            SYS_clock_nanosleep,
            SYS_gettimeofday,
            SYS_nanosleep,
        ],
    },
    Purpose {
        text: "who and where it is",
        calls: calls![
            SYS_getcwd,
            SYS_getegid,
            SYS_geteuid,
            SYS_getgid,
            SYS_getpid,
            SYS_getrandom,
            SYS_getrusage,
            SYS_getuid,
            SYS_prlimit64: Itself,
            SYS_sysinfo,
            SYS_uname,
        ],
    },
    Purpose {
        text: "files (which ones: Landlock)",
        calls: calls![
            SYS_close,
            SYS_close_range,
            SYS_copy_file_range,
            SYS_dup,
            SYS_dup3,
            SYS_faccessat,
            SYS_faccessat2,
            SYS_fadvise64,
            SYS_fallocate,
            SYS_fchmod,
            SYS_fchmodat,
            SYS_fcntl,
            SYS_fdatasync,
            SYS_flock,
            SYS_fstat,
            SYS_fstatfs,
            SYS_fsync,
            SYS_ftruncate,
            SYS_getdents64,
            SYS_ioctl: Controls,
            SYS_lseek,
            SYS_mkdirat,
            SYS_newfstatat,
            SYS_openat,
            SYS_pread64,
            SYS_preadv,
            SYS_pwrite64,
            SYS_pwritev,
            SYS_read,
            SYS_readlinkat,
            SYS_readv,
            SYS_renameat,
            SYS_renameat2,
            SYS_sendfile,
            SYS_statfs,
            SYS_statx,
            SYS_umask,
            SYS_unlinkat,
            SYS_utimensat,
            SYS_write,
            SYS_writev,
        ],
    },
    Purpose {
        text: "network",
        calls: calls![
            SYS_accept,
            SYS_accept4,
            SYS_connect,
            SYS_getpeername,
            SYS_getsockname,
            SYS_getsockopt,
            SYS_recvfrom,
            SYS_recvmmsg,
            SYS_recvmsg,
            SYS_sendmmsg,
            SYS_sendmsg,
            SYS_sendto,
            SYS_setsockopt,
            SYS_shutdown,
            SYS_socket: Sockets,
            SYS_socketpair: Pairs,
        ],
    },
    Purpose {
        text: "waiting",
        calls: calls![
            SYS_epoll_create1,
            SYS_epoll_ctl,
            SYS_epoll_pwait,
            SYS_eventfd2,
            SYS_pipe2,
            SYS_ppoll,
            SYS_pselect6,
        ],
    },
    #[cfg(target_arch = "x86_64")]
    Purpose {
        text: "what x86-64 has besides, under older names",
        calls: calls![
            SYS_access,
            SYS_chmod,
            SYS_dup2,
            SYS_epoll_wait,
            SYS_lstat,
            SYS_mkdir,
            SYS_open,
            SYS_poll,
            SYS_readlink,
            SYS_rename,
            SYS_rmdir,
            SYS_select,
            SYS_stat,
            SYS_time,
            SYS_unlink,
        ],
    },
];

/// How many there are.
pub(super) fn count() -> usize {
    PURPOSES.iter().map(|purpose| purpose.calls.len()).sum()
}

/// Confines the calling thread and those that it starts, for good.
pub(super) fn restrict() -> Result<()> {
    let mut allowed = BTreeMap::new();
    for call in PURPOSES.iter().flat_map(|purpose| purpose.calls) {
        allowed.insert(call.number, call.limit.rules()?);
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH).context("this machine's calls are not known")?;
    let otherwise = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let filter = SeccompFilter::new(allowed, otherwise, SeccompAction::Allow, arch)?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program).context("the kernel refuses a filter of calls (seccomp)")
}

fn sockets() -> Result<Vec<SeccompRule>> {
    // Without the flags that stand in the same argument.
    let kind = |kind: i32| Condition { argument: 1, mask: Some(SOCKET_KIND), value: plain(kind) };
    let mut rules = vec![rule(&[is(0, plain(libc::AF_UNIX))])?];
    for family in [libc::AF_INET, libc::AF_INET6] {
        for of_kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
            rules.push(rule(&[is(0, plain(family)), kind(of_kind)])?);
        }
    }
    Ok(rules)
}

/// `SOCK_TYPE_MASK` of the kernel.
const SOCKET_KIND: u64 = 0xf;

/// Something to be true of an argument, of which the kernel looks at 32 bits.
#[derive(Clone, Copy)]
struct Condition {
    argument: u8,
    mask: Option<u64>,
    value: u64,
}

/// A constant of the C library, which are signed.
fn plain(value: i32) -> u64 {
    value.cast_unsigned().into()
}

fn is(argument: u8, value: u64) -> Condition {
    Condition { argument, mask: None, value }
}

fn has_bits(argument: u8, bits: i32) -> Condition {
    Condition { argument, mask: Some(plain(bits)), value: plain(bits) }
}

fn lacks(argument: u8, bits: i32) -> Condition {
    Condition { argument, mask: Some(plain(bits)), value: 0 }
}

fn rule(conditions: &[Condition]) -> Result<SeccompRule> {
    let condition = |Condition { argument, mask, value }: &Condition| {
        let operator = mask.map_or(SeccompCmpOp::Eq, SeccompCmpOp::MaskedEq);
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator, *value)
    };
    let conditions = conditions.iter().map(condition).collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}
