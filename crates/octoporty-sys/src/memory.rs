//! What a process holds of the system's memory: freed blocks, and code that it has used.

use std::io;

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

/// Takes the program's code out of this process's memory, and gives how many bytes were looked at. It stays in the system's
/// cache of files, and what is run again is there again for some microseconds each 64 KiB; but what only a start needed no
/// longer counts, and is the first to go when memory is short. Does nothing but on Linux.
///
/// # Errors
/// The system does not tell what the process has mapped, something has changed the code in memory (a debugger), or it does
/// not take it back.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe library takes addresses that are not of its own making")]
pub fn release_code() -> io::Result<usize> {
    let code = own_code(&std::fs::read_to_string("/proc/self/smaps")?)?;
    let length = code.len();
    // SAFETY: a private mapping of a file of which no page was written to, in memory or swapped out, has the same bytes after
    // this as before, read anew from the file (`own_code` looked that it is one; only a debugger could write to it between
    // the look and this, and it would lose its breakpoint). Threads that run in it meanwhile take a page fault each.
    let answer = unsafe { libc::madvise(code.start as *mut libc::c_void, length, libc::MADV_DONTNEED) };
    if answer == 0 { Ok(length) } else { Err(io::Error::last_os_error()) }
}

/// As on Linux, where the system tells what is mapped.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn release_code() -> io::Result<usize> {
    Ok(0)
}

/// Where this very code lies, of what `/proc/self/smaps` says.
#[cfg(target_os = "linux")]
fn own_code(smaps: &str) -> io::Result<std::ops::Range<usize>> {
    let refused = |why: &str| Err(io::Error::other(format!("the program's code in /proc/self/smaps {why}")));
    let here = own_code as fn(&str) -> io::Result<std::ops::Range<usize>> as usize;
    let mut lines = smaps.lines();
    let Some(code) = lines.find_map(|line| mapping(line).filter(|mapping| mapping.range.contains(&here))) else {
        return refused("is not found");
    };
    if code.rights != "r-xp" || code.inode == "0" {
        return refused("is no file that can only be read");
    }
    let fields: Vec<&str> = lines.take_while(|line| mapping(line).is_none()).collect();
    let told = |name: &str| fields.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
    // Pages that are no longer the file's. A kernel may leave out what it does not know, but for the first.
    let is_nothing = |name: &str| told(name).is_none_or(|kib| kib == "0 kB");
    if told("Anonymous:").is_none() || !CHANGED.into_iter().all(is_nothing) {
        return refused("was changed");
    }
    Ok(code.range)
}

/// What `smaps` says of pages that are not those of a mapping's file.
#[cfg(target_os = "linux")]
const CHANGED: [&str; 4] = ["Anonymous:", "Swap:", "Private_Hugetlb:", "Shared_Hugetlb:"];

/// The first line of a mapping.
#[cfg(target_os = "linux")]
struct Mapping<'a> {
    range: std::ops::Range<usize>,
    rights: &'a str,
    inode: &'a str,
}

#[cfg(target_os = "linux")]
fn mapping(line: &str) -> Option<Mapping<'_>> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(start)?..address(end)?;
    // Behind the rights come the offset and the device.
    Some(Mapping { range, rights: words.next()?, inode: words.nth(2)? })
}

#[cfg(all(test, target_os = "linux"))]
mod code_tests {
    use super::*;

    /// KiB of the program's code that this process has in memory.
    fn resident() -> u64 {
        let smaps = std::fs::read_to_string("/proc/self/smaps").expect("Linux");
        let code = own_code(&smaps).expect("it is there");
        let mut lines = smaps.lines().skip_while(|line| mapping(line).is_none_or(|mapping| mapping.range != code));
        let told = lines.find_map(|line| line.strip_prefix("Rss:")).expect("the kernel tells it");
        told.trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// Runs over enough different code to have some in memory.
    fn use_code() -> usize {
        let text: String = (0..100_u32).map(|number| format!("{number:?} {:e} ", f64::from(number))).collect();
        text.split(' ').filter_map(|word| word.parse::<f64>().ok()).count() + text.to_uppercase().len()
    }

    #[test]
    fn code_that_is_not_run_again_is_no_longer_in_memory_and_all_of_it_still_runs() {
        let (answer, before) = (use_code(), resident());
        release_code().expect("nobody has changed it");
        let after = resident();
        assert!(after < before, "{after} KiB, before {before}");
        assert_eq!(use_code(), answer);
    }

    #[test]
    fn code_that_may_have_been_changed_is_let_be() {
        let here = own_code as fn(&str) -> io::Result<std::ops::Range<usize>> as usize;
        let other = "r-xp 00000000 08:01 7 /other\nAnonymous: 8 kB\nSwap: 8 kB\n";
        let told = |rights: &str, inode: u8, fields: &str| {
            let own = format!("{:x}-{:x} {rights} 0 08:01 {inode} /program\nRss: 4 kB\n{fields}", here - 1, here + 1);
            own_code(&format!("1000-2000 {other}{own}{:x}-{:x} {other}", here + 1, here + 2))
        };
        let plain = "Anonymous:             0 kB\nSwap:                  0 kB\n";
        assert_eq!(told("r-xp", 7, plain).expect("it is as in the file"), here - 1..here + 1);
        assert!(told("r-xp", 7, "Anonymous: 0 kB\n").is_ok(), "a kernel without swap does not tell of it");
        told("rwxp", 7, plain).expect_err("it may be written to");
        told("r-xp", 0, plain).expect_err("it is no file's");
        for changed in
            ["", "Anonymous: 4 kB\n", "Anonymous: 0 kB\nSwap: 4 kB\n", "Anonymous: 0 kB\nPrivate_Hugetlb: 4 kB\n"]
        {
            told("r-xp", 7, changed).expect_err("it is not known to be as in the file");
        }
        own_code("").expect_err("nothing is mapped there");
    }
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
