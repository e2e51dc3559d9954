//! `HEAD /`, asked of a target to see which protocol it speaks.

use octoporty_proto::model::Target;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Most bytes read in search of a status line.
const HEAD_BYTES: usize = 1024;

/// What came back for `HEAD /`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    /// TLS alert: the target did not understand plain HTTP.
    TlsAlert,
    /// Something else, or nothing.
    None,
}

/// Asks and reads until the answer's first line is there, the target ends, or it has said too much. Has no bound in
/// time of its own.
pub(crate) async fn ask<I: AsyncRead + AsyncWrite + Unpin>(io: &mut I, target: &Target) -> Answer {
    let request = format!(
        "HEAD / HTTP/1.1\r\nHost: {}\r\nUser-Agent: Octoporty\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        target.authority()
    );
    let sent = async {
        io.write_all(request.as_bytes()).await?;
        io.flush().await
    };
    if let Err(error) = sent.await {
        tracing::debug!(%error, %target, "the target broke the connection while it was asked");
    }
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut limited = io.take(HEAD_BYTES as u64);
    while !head.contains(&b'\n') && read_answer(&head) != Answer::TlsAlert {
        match limited.read_buf(&mut head).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, %target, "the target broke the connection instead of an answer");
                break;
            }
        }
    }
    read_answer(&head)
}

fn read_answer(head: &[u8]) -> Answer {
    if let [0x15, 0x03, ..] = head {
        return Answer::TlsAlert;
    }
    let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let number = status.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|text| text.parse().ok());
    number.filter(|status| (100..600).contains(status)).map_or(Answer::None, Answer::Status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_strictly() {
        for (head, answer) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Answer::Status(200)),
            (b"HTTP/1.0 301 Moved\r\n", Answer::Status(301)),
            (b"HTTP/1.1 9", Answer::None),
            (b"HTTP/1.1 999 X\r\n", Answer::None),
            (b"SSH-2.0-OpenSSH\r\n", Answer::None),
            (b"", Answer::None),
            (b"\x15\x03\x01\x00\x02\x02\x46", Answer::TlsAlert),
        ] {
            assert_eq!(read_answer(head), answer, "{head:?}");
        }
    }
}
