//! Connections that are accepted once their peer has said something.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

/// Has the kernel hold back connections until their first bytes are there, or for about so long (it counts whole seconds
/// and its own repetitions). Where clients speak first, that spares a wake-up for each connection.
///
/// # Errors
/// The system refused the option. One that does not know it does nothing, which is no error.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "std has it not stable yet (tcp_deferaccept), and neither socket2 nor rustix has it")]
pub fn defer_accept(listener: &TcpListener, wait: Duration) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    let seconds = libc::c_int::try_from(wait.as_secs().max(1)).unwrap_or(libc::c_int::MAX);
    let (value, size) = ((&raw const seconds).cast(), size_of_val(&seconds));
    let size = libc::socklen_t::try_from(size).expect("an int's size fits");
    // SAFETY: the descriptor is open for as long as `listener` is borrowed, and `value` points to `size` bytes of an
    // initialised int that lives until the call returns. The kernel reads them and keeps no pointer.
    let answer =
        unsafe { libc::setsockopt(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, value, size) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// As on Linux, where there is no such option: connections come at once.
///
/// # Errors
/// None.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn defer_accept(_listener: &TcpListener, _wait: Duration) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream;

    use super::*;

    /// Longer than any of this takes.
    const LONG: Duration = Duration::from_secs(60);

    fn listener(wait: Duration) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        defer_accept(&listener, wait).expect("Linux has it");
        listener.set_nonblocking(true).expect("a socket");
        listener
    }

    #[test]
    fn a_connection_comes_with_its_first_bytes() {
        let listener = listener(LONG);
        let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        assert_eq!(listener.accept().map(|_| ()).expect_err("nothing was said").kind(), io::ErrorKind::WouldBlock);
        client.write_all(b"a").expect("it is open");
        listener.set_nonblocking(false).expect("a socket");
        let (accepted, _) = listener.accept().expect("something was said");
        assert_eq!(accepted.peek(&mut [0; 8]).expect("it is there"), 1);
    }

    #[test]
    fn one_that_ends_without_a_word_comes_too() {
        let listener = listener(LONG);
        listener.set_nonblocking(false).expect("a socket");
        drop(TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens"));
        let (accepted, _) = listener.accept().expect("it ended");
        assert_eq!(accepted.peek(&mut [0; 8]).expect("an end in order"), 0);
    }

    #[test]
    fn one_that_keeps_silent_comes_after_a_while() {
        let listener = listener(Duration::from_secs(1));
        listener.set_nonblocking(false).expect("a socket");
        let _client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        listener.accept().expect("the kernel gives it up by itself");
    }
}
