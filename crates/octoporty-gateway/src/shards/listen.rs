//! Binding the public port once for each shard.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::StartError;
use crate::ingress::socket::acknowledge_with_answers;

/// Connections that wait to be accepted; the kernel cuts it to its own limit.
const BACKLOG: i32 = 4096;

/// Most bytes that wait in the kernel, per connection, to be sent for the first time. Without it the kernel takes some
/// 4 MiB for each visitor that does not read: 300 of them eat a machine's TCP memory, and then the agents' links
/// starve. What is sent and not yet acknowledged does not count, so it costs no speed on long ways.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MOST_UNSENT: u32 = 256 * 1024;

/// How long the kernel keeps a connection whose visitor has said nothing: most speak at once, and then their connection
/// and its first bytes are one piece of news instead of two. The kernel's shortest.
const DEFERRED: Duration = Duration::from_secs(1);

/// Who else may bind the port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// The other shards.
    Shared,
    /// Nobody.
    Alone,
}

/// One listener a shard, on one port. An unspecified IPv6 address means both families, and falls back to IPv4 where
/// there is no IPv6. `setting` is the one that names the port.
pub(super) fn bind(
    setting: &'static str,
    address: SocketAddr,
    count: usize,
) -> Result<(Vec<TcpListener>, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { setting, address, source };
    match bind_all(address, count) {
        Err(error) if is_dual(address) && is_without_ipv6(&error) => {
            let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
            bind_all(v4, count).map_err(failed)
        }
        bound => bound.map_err(failed),
    }
}

fn bind_all(address: SocketAddr, count: usize) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    if address.port() != 0 {
        // With SO_REUSEPORT a second gateway would share the port in silence and take half of the visitors.
        drop(socket(address, Sharing::Alone)?);
    }
    let first = listener(address)?;
    let bound = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..count {
        listeners.push(listener(bound)?);
    }
    Ok((listeners, bound))
}

fn socket(address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!is_dual(address))?;
    }
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Sharing::Shared)?;
    // Accepted connections have these from their listener.
    socket.set_tcp_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_notsent_lowat(MOST_UNSENT)?;
    octoporty_tunnel::carrier::tcp::unpace_loopback(&socket, address.ip());
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = socket.into();
    if let Err(error) = octoporty_sys::defer_accept(&listener, DEFERRED) {
        // Some sandboxes do not know the option; every connection then costs a little more.
        tracing::debug!(%error, "connections cannot be held back until their first bytes are there");
    }
    acknowledge_with_answers(&listener);
    Ok(listener)
}

fn is_dual(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unspecified())
}

fn is_without_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(EAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: &str = "Gateway__Port";

    fn loopback(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    #[test]
    fn every_shard_listens_on_the_same_port() {
        let (listeners, address) = bind(PORT, loopback(0), 3).unwrap();
        assert_eq!(listeners.len(), 3);
        for listener in &listeners {
            assert_eq!(listener.local_addr().unwrap(), address);
        }
    }

    #[test]
    fn a_port_that_another_gateway_has_is_refused_and_not_shared() {
        let (_held, address) = bind(PORT, loopback(0), 2).unwrap();
        let error = bind(PORT, address, 2).unwrap_err();
        let StartError::Bind { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("Gateway__Port"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_visitor_that_says_nothing_is_no_news() {
        let (held, address) = bind(PORT, loopback(0), 1).unwrap();
        // The kernel waits a second for a word: a machine that stops for so long five times in a row is no machine.
        let is_held_back = (0..5).any(|_| {
            let _visitor = std::net::TcpStream::connect(address).unwrap();
            held[0].accept().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        });
        assert!(is_held_back);
    }

    #[test]
    fn what_is_accepted_sends_small_answers_at_once() {
        let (held, address) = bind(PORT, loopback(0), 1).unwrap();
        let visitor = std::net::TcpStream::connect(address).unwrap();
        io::Write::write_all(&mut &visitor, b"G").unwrap();
        held[0].set_nonblocking(false).unwrap();
        assert!(held[0].accept().unwrap().0.nodelay().unwrap());
    }

    #[test]
    fn a_port_is_free_again_once_its_gateway_has_gone() {
        let (held, address) = bind(PORT, loopback(0), 2).unwrap();
        drop(held);
        assert_eq!(bind(PORT, address, 2).unwrap().1, address);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_visitor_that_does_not_read_costs_the_kernel_little() {
        use std::io::Write;

        let (held, address) = bind(PORT, loopback(0), 1).unwrap();
        // A small window, as on a slow way: what the visitor's side does not take waits on ours.
        let visitor = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        visitor.set_recv_buffer_size(4096).unwrap();
        visitor.connect(&address.into()).unwrap();
        io::Write::write_all(&mut &visitor, b"G").unwrap();
        held[0].set_nonblocking(false).unwrap();
        let (mut accepted, _) = held[0].accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let mut taken = 0;
        // More than the window, which opens a little while the kernel measures.
        let bound = MOST_UNSENT as usize + 512 * 1024;
        while taken <= bound {
            match accepted.write(&[0; 16 * 1024]) {
                Ok(written) => taken += written,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        assert!(taken <= bound, "{taken} bytes wait for a visitor that reads nothing");
    }

    #[test]
    fn the_unspecified_address_takes_both_families() {
        let (_held, address) = bind(PORT, "[::]:0".parse().unwrap(), 1).unwrap();
        std::net::TcpStream::connect(loopback(address.port())).unwrap();
    }

    /// A visitor's first request is acknowledged with its answer, unless the gateway has to wait for the rest of it. What
    /// waits for 40 ms is acknowledged anyway, so a machine that is slower than that has several tries.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn first_requests_are_acknowledged_with_their_answers() {
        use std::io::Write as _;

        use rustix::net::sockopt::tcp_quickack;

        use crate::ingress::socket::Socket;

        let (listeners, address) = bind(PORT, loopback(0), 1).unwrap();
        listeners[0].set_nonblocking(false).unwrap();
        let waits = (0..20).any(|_| {
            let mut visitor = std::net::TcpStream::connect(address).unwrap();
            visitor.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            let (socket, _) = listeners[0].accept().unwrap();
            let waits = !tcp_quickack(&socket).unwrap();
            socket.set_nonblocking(true).unwrap();
            let mut socket = Socket::Bare(socket);
            let known = socket.known().unwrap();
            assert!(tcp_quickack(&*known).unwrap(), "a visitor who holds the rest back waits for it");
            waits
        });
        assert!(waits, "an answer may take it along");
    }
}
