//! Landlock: what of the file system is within reach, and that nothing listens on TCP any more.
//!
//! The kernel has it since 5.13 (ABI 1); what later ABIs know more is asked for, and left out where the kernel does not know it.

use super::Access;
use anyhow::{Context as _, Result, bail};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

/// What is asked for; later ABIs are not tried out.
const ABI_ASKED: ABI = ABI::V7;

/// Confines the calling thread and those that it starts; says which ABI holds.
pub(super) fn restrict(access: &Access) -> Result<u32> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI_ASKED))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(ABI_ASKED))?
        .create()
        .context("the kernel refuses a Landlock ruleset")?
        .add_rules(path_beneath_rules(&access.reads, to_read()))?
        .add_rules(path_beneath_rules(&access.writes, to_write()))?
        .restrict_self()
        .context("the kernel refuses to apply Landlock")?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotImplemented) => {
            bail!("this kernel has no Landlock (it came with Linux 5.13)")
        }
        (RulesetStatus::NotEnforced, _) => {
            bail!("this kernel has Landlock, but it is not enabled (`landlock` in lsm= of its command line)")
        }
        (_, LandlockStatus::Available { effective_abi, .. }) => Ok(effective_abi.min(ABI_ASKED) as u32),
        (_, _) => bail!("Landlock does not say what it does"),
    }
}

/// Reading files is all that loading a library takes; programs are not executed.
fn to_read() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// No devices, no pipes, no sockets, no links.
fn to_write() -> BitFlags<AccessFs> {
    to_read()
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}
