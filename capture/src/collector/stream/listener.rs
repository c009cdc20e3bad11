//! Sockets that streams come in at (`tcp(7)`, `ipv6(7)`).

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::collector::socket::{Kind, bind, listen, open_socket};
use crate::system::set_option;

/// After so many seconds of silence an exporter is asked whether it is still there, then every 10 seconds, three times. One that lost
/// its power and comes back says that it knows of no session: otherwise its old sessions would take its places for as
/// long as silence is allowed.
const ASKED_AFTER_S: libc::c_int = 60;
const ASKED_EVERY_S: libc::c_int = 10;
const ASKED_TIMES: libc::c_int = 3;

/// Listens, and does not block. The version that a socket is for can only be said before it is bound, hence not by the standard
/// library.
pub(super) fn open(address: SocketAddr, dual: bool) -> io::Result<TcpListener> {
    let socket = open_socket(address.ip(), Kind::Stream, dual)?;
    // Sessions of a process that ended may linger at the port.
    set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1_i32)?;
    // What is accepted has these from its listener.
    set_option(&socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, &1_i32)?;
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, &ASKED_AFTER_S)?;
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, &ASKED_EVERY_S)?;
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, &ASKED_TIMES)?;
    bind(&socket, address)?;
    listen(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::get_option;
    use std::net::TcpStream;

    #[test]
    fn who_is_accepted_is_asked_whether_he_is_there() {
        let listener = open("127.0.0.1:0".parse().unwrap(), false).unwrap();
        let _exporter = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let ask = |level, option| {
            let mut value = 0_i32;
            get_option(&accepted, level, option, &mut value).unwrap();
            value
        };
        assert_eq!(ask(libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
        assert_eq!(ask(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), ASKED_AFTER_S);
        assert_eq!(ask(libc::IPPROTO_TCP, libc::TCP_KEEPCNT), ASKED_TIMES);
    }
}
