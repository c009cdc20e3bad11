//! Sockets that streams come in at (`tcp(7)`, `ipv6(7)`).

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::collector::socket::{Kind, bind, open_socket};
use crate::system::set_option;

/// Listens, and does not block. The version that a socket is for can only be said before it is bound, hence not by the standard
/// library.
pub(super) fn open(address: SocketAddr, dual: bool) -> io::Result<TcpListener> {
    let socket = open_socket(address.ip(), Kind::Stream, dual)?;
    // Sessions of a process that ended may linger at the port.
    set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1_i32)?;
    bind(&socket, address)?;
    crate::collector::socket::listen(socket)
}
