//! TCP connections: fresh names, happy eyeballs (RFC 8305), and options that notice a dead peer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Head start of one address before the next is tried as well (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// A quiet connection is probed by the kernel after this long; keeps NAT entries and tells a dead peer.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);

/// Between the kernel's probes.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// Sent bytes that stay unacknowledged for this long break the connection, whatever its task is doing.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that the kernel holds without having sent them before it takes no more: enough that a fast line never runs
/// dry until the link's task has its next turn, and little enough that on a slow one new streams do not wait behind
/// megabytes of bulk. Sent and unacknowledged bytes do not count, so that a long way may still be full of them.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// The address, where a host is one and there is nothing to look up; an IPv6 one may have brackets.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    bare(host).parse().ok()
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// Looks `host` up afresh. A literal address, with or without brackets, is taken as it is.
///
/// # Errors
/// The name does not resolve, or resolves to nothing.
pub async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = literal(host) {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found: Vec<SocketAddr> = tokio::net::lookup_host((bare(host), port)).await?.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

/// Dials the addresses, each with a head start over the next, the families by turns; the first that answers wins.
///
/// # Errors
/// All failed; the address and error of the last one.
pub async fn connect(addresses: Vec<SocketAddr>) -> Result<TcpStream, (Option<SocketAddr>, io::Error)> {
    let mut waiting = interleave(addresses).into_iter();
    let mut dialling = FuturesUnordered::new();
    let mut last = (None, io::Error::new(io::ErrorKind::NotFound, "there is no address to dial"));
    loop {
        match waiting.next() {
            Some(address) => dialling.push(async move { (address, TcpStream::connect(address).await) }),
            None if dialling.is_empty() => return Err(last),
            None => {}
        }
        let more = waiting.len() > 0;
        tokio::select! {
            biased;
            Some((address, answer)) = dialling.next() => match answer {
                Ok(socket) => return Ok(socket),
                Err(error) => last = (Some(address), error),
            },
            () = tokio::time::sleep(STAGGER), if more => {}
        }
    }
}

/// The resolver's order, but the two families by turns.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = Vec::with_capacity(preferred.len() + other.len());
    let mut other = other.into_iter();
    for address in preferred {
        ordered.push(address);
        ordered.extend(other.next());
    }
    ordered.extend(other);
    ordered
}

/// Congestion control of connections that stay on this machine. Where the system's choice paces (BBR), each pause of a
/// loopback costs a timer, though nothing there can be congested. 1 GiB through gateway and agent took 1.2 s of CPU with
/// all sockets paced, 0.6 s with none, and 1.0 s with only ours unpaced: the target's own side is its affair. This one
/// never paces, is in every kernel, and any process may choose it.
#[cfg(target_os = "linux")]
const UNPACED: &[u8] = b"reno";

/// Keeps a connection that does not leave the machine from being paced, or all that come to a listener on a loopback
/// address. A kernel that refuses paces on.
pub fn unpace_loopback<'s>(socket: impl Into<SockRef<'s>>, peer: IpAddr) {
    #[cfg(target_os = "linux")]
    if peer.to_canonical().is_loopback()
        && let Err(error) = socket.into().set_tcp_congestion(UNPACED)
    {
        tracing::trace!(%error, "the congestion control of a loopback connection could not be chosen");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, peer);
}

/// No delay for small writes, keep-alive, a bound on the time of unacknowledged bytes and one on the number of unsent
/// bytes.
///
/// # Errors
/// The system refused an option (the socket is dead already).
pub fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if let Ok(peer) = socket.peer_addr() {
        unpace_loopback(socket, peer.ip());
    }
    let socket = SockRef::from(socket);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_notsent_lowat(UNSENT) {
        // Some sandboxes do not know the option; the link is then as good as it can be there.
        tracing::debug!(%error, "the bound on unsent bytes of a connection could not be set");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_beginning_with_the_resolvers_first() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(interleave(given), addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
        let given = addresses(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleave(given), addresses(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]));
    }

    #[tokio::test]
    async fn literal_addresses_need_no_resolver() {
        assert_eq!(lookup("[::1]", 7).await.unwrap(), addresses(&["[::1]:7"]));
        assert_eq!(lookup("127.0.0.1", 7).await.unwrap(), addresses(&["127.0.0.1:7"]));
        assert_eq!((literal("[::1]"), literal("localhost")), (Some("::1".parse().unwrap()), None));
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hinder_a_live_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = {
            let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let live = listener.local_addr().unwrap();
        let socket = connect(vec![dead, live]).await.unwrap();
        assert_eq!(socket.peer_addr().unwrap(), live);
        tune(&socket).unwrap();
        assert!(socket.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert!(SockRef::from(&socket).tcp_congestion().unwrap().starts_with(UNPACED), "a loopback is not paced");
    }

    #[tokio::test]
    async fn when_all_fail_the_last_is_named() {
        let dead = {
            let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let (address, error) = connect(vec![dead]).await.unwrap_err();
        assert_eq!(address, Some(dead));
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(connect(Vec::new()).await.unwrap_err().0, None);
    }
}
