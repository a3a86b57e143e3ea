//! Takes from the process what a media node never needs: files and programs.
//!
//! The node parses what strangers send. Should one of its parsers be taken over,
//! there is nothing to open, nothing to write, nothing to run and nowhere to
//! connect: Landlock refuses every path, and a seccomp filter allows only the
//! system calls of a program that talks over sockets it opened itself.

use std::collections::BTreeMap;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads,
};

/// What holds from now on. A kernel too old for one of them is worth a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Landlock refuses every path.
    pub landlock: bool,
    /// Seccomp refuses every system call that is not needed.
    pub seccomp: bool,
}

/// Why the process could not be confined although its kernel can.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// Landlock answered something unexpected.
    #[error("Landlock failed")]
    Landlock(#[from] landlock::RulesetError),
    /// The filter could not be made.
    #[error("the seccomp filter could not be made")]
    Filter(#[from] seccompiler::BackendError),
}

/// Confines the whole process, for ever.
///
/// To be called once the sockets are bound and *before* the asynchronous runtime
/// starts: Landlock holds for the calling thread and the threads it starts, so
/// threads that already run would keep their files. Logging must go to
/// descriptors that are already open.
pub fn confine() -> Result<Confinement, ConfineError> {
    let landlock = no_files()?;
    let seccomp = no_unneeded_system_calls()?;
    let held = Confinement { landlock, seccomp };
    if held.landlock && held.seccomp {
        tracing::info!("the media node is confined: no files, no programs, no connections out");
    } else {
        tracing::warn!(
            landlock,
            seccomp,
            "this kernel cannot confine the media node entirely"
        );
    }
    Ok(held)
}

fn no_files() -> Result<bool, landlock::RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn no_unneeded_system_calls() -> Result<bool, ConfineError> {
    let filter: BpfProgram = SeccompFilter::new(
        rules()?,
        // An error, and not the end of the process: a library that probes for
        // something it can do without goes on without it.
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()?;
    match apply_filter_all_threads(&filter) {
        Ok(()) => Ok(true),
        Err(error) => {
            tracing::debug!(%error, "seccomp is not to be had");
            Ok(false)
        }
    }
}

/// The allowed system calls, with the arguments that they are allowed with; no
/// rule means any argument.
fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend([libc::SYS_poll, libc::SYS_epoll_wait].map(|call| (call, Vec::new())));

    let is = |argument, value: u64| -> Result<SeccompRule, seccompiler::BackendError> {
        SeccompRule::new(vec![SeccompCondition::new(
            argument,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Eq,
            value,
        )?])
    };
    // Sockets of the internet, bound by the node itself; never raw or netlink.
    rules.insert(
        libc::SYS_socket,
        vec![is(0, libc::AF_INET as u64)?, is(0, libc::AF_INET6 as u64)?],
    );
    // The runtime wakes itself up through a pair.
    rules.insert(libc::SYS_socketpair, vec![is(0, libc::AF_UNIX as u64)?]);
    rules.insert(libc::SYS_ioctl, vec![is(1, libc::FIONBIO)?]);
    Ok(rules)
}

/// Memory, threads, time, randomness, signals, and sockets that exist.
/// Deliberately absent: everything that takes a path, `execve`, `connect`,
/// `ptrace`, `io_uring_setup` (which seccomp does not see through), `bpf`.
const ALLOWED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_ppoll,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_prctl,
    libc::SYS_prlimit64,
    libc::SYS_restart_syscall,
    libc::SYS_uname,
];
