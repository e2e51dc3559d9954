//! How much freed memory the allocator keeps.

/// Has the allocator keep up to `kept` bytes of freed memory at the end of each of its heaps, and give back to the system at
/// once what was asked for in pieces of `mapped` bytes or more. Does nothing with another allocator than glibc's, which by
/// itself gives back whatever exceeds 128 KiB. Says whether it was done.
///
/// Called before there are threads, it holds for all of them.
#[must_use]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "no safe library sets it, and variables of the environment are read before a process runs"
)]
pub fn keep_freed(kept: usize, mapped: usize) -> bool {
    let set = |parameter: libc::c_int, bytes: usize| {
        let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        // SAFETY: takes two numbers by value, keeps to its own lock, and has no other effect than on what later calls of the
        // allocator give back; every value of these two parameters is allowed.
        unsafe { libc::mallopt(parameter, bytes) == 1 }
    };
    set(libc::M_TRIM_THRESHOLD, kept) && set(libc::M_MMAP_THRESHOLD, mapped)
}

/// As with glibc; this allocator is left as it is.
#[must_use]
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_freed(_kept: usize, _mapped: usize) -> bool {
    false
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// Page faults of this process so far that needed no disk.
    fn faults() -> u64 {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        fields.split_whitespace().nth(7).and_then(|field| field.parse().ok()).expect("a number")
    }

    #[test]
    fn memory_that_was_freed_is_there_for_the_next() {
        const BLOCK: usize = 256 * 1024;
        const TURNS: u64 = 200;
        assert!(keep_freed(16 * BLOCK, 64 * BLOCK));
        let before = faults();
        for turn in 0..TURNS {
            // More at a time than what is kept by itself.
            let blocks = [0; 6].map(|_: u8| vec![turn.to_le_bytes()[0] | 1; BLOCK]);
            std::hint::black_box(&blocks);
        }
        // 384 pages a turn, if each was given back.
        let taken = faults() - before;
        assert!(taken < TURNS * 16, "{taken} page faults");
    }
}
