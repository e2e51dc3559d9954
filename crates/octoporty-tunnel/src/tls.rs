//! A server's side of TLS over TCP: what an agent's link is made of where no proxy stands before the gateway.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A connection whose peer has shaken hands.
#[derive(Debug)]
pub struct ServerTls {
    stream: TlsStream<Socket>,
}

impl ServerTls {
    /// Shakes hands with who has connected. Nothing bounds the time: the caller does.
    ///
    /// # Errors
    /// The peer does not speak TLS, does not take the certificate, or left.
    pub async fn accept(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let stream = TlsAcceptor::from(config).accept(Socket(Some(socket))).await?;
        Ok(Self { stream })
    }

    /// The connection below.
    ///
    /// # Errors
    /// It was lost when it moved.
    pub fn socket(&self) -> io::Result<&TcpStream> {
        self.stream.get_ref().0.0.as_ref().ok_or_else(lost)
    }

    /// Has another runtime tell of the socket's readiness from now on. What is written must have been flushed.
    ///
    /// # Errors
    /// The system refused; the connection is lost then.
    pub fn move_to(&mut self, runtime: &Handle) -> io::Result<()> {
        let place = &mut self.stream.get_mut().0.0;
        let socket = place.take().ok_or_else(lost)?;
        *place = Some(moved(socket, runtime)?);
        Ok(())
    }
}

/// The socket, registered with another runtime.
pub(crate) fn moved(socket: TcpStream, runtime: &Handle) -> io::Result<TcpStream> {
    let socket = socket.into_std()?;
    let _runtime = runtime.enter();
    TcpStream::from_std(socket)
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection was lost as it moved to another thread")
}

impl AsyncRead for ServerTls {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ServerTls {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A socket that can be taken out, to move; `None` only when that failed.
#[derive(Debug)]
struct Socket(Option<TcpStream>);

impl Socket {
    fn get(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.0.as_mut().map(Pin::new).ok_or_else(lost)
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{PrivateKeyDer, ServerName};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::trust::{Trust, client_config};

    fn config() -> Arc<ServerConfig> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("PKCS#8");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").with_no_client_auth();
        Arc::new(builder.with_single_cert(vec![made.cert.der().clone()], key).expect("usable"))
    }

    /// Two ends of a connection over loopback.
    async fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let near = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
        (near, listener.accept().await.expect("it came").0)
    }

    #[test]
    fn a_connection_goes_on_where_its_runtime_is_after_it_has_moved() {
        let runtime =
            || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("one");
        let (first, second) = (runtime(), runtime());
        let (mut near, mut far) = first.block_on(async {
            let (near, far) = sockets().await;
            let connector = TlsConnector::from(client_config(&Trust::AcceptInvalid).expect("a configuration"));
            let name = ServerName::try_from("localhost").expect("a name");
            let (near, far) = tokio::join!(connector.connect(name, near), ServerTls::accept(far, config()));
            let (mut near, mut far) = (near.expect("hands"), far.expect("hands"));
            near.write_all(b"before").await.expect("open");
            let mut read = [0; 6];
            far.read_exact(&mut read).await.expect("open");
            (near, far)
        });
        far.move_to(second.handle()).expect("it moves");
        // Its client's runtime still runs; the one that accepted it could go if that did not need it.
        let far = second.spawn(async move {
            let mut read = vec![0; 300_000];
            far.read_exact(&mut read).await.expect("open");
            far.write_all(&read).await.expect("open");
            far.flush().await.expect("open");
            far.shutdown().await.expect("open");
            read
        });
        let sent: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        let came = first.block_on(async {
            near.write_all(&sent).await.expect("open");
            near.flush().await.expect("open");
            let mut came = Vec::new();
            near.read_to_end(&mut came).await.expect("an end in order");
            came
        });
        assert!(came == sent, "{} bytes came back of {}", came.len(), sent.len());
        assert!(second.block_on(far).expect("no panic") == sent);
    }

    #[tokio::test]
    async fn who_speaks_no_tls_is_told_from_who_does() {
        let (mut near, far) = sockets().await;
        near.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
        let error = ServerTls::accept(far, config()).await.expect_err("that is no hello");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
}
