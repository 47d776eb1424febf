//! Binding.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Adds what to do about it.
fn advised(error: io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "stop what listens there, or choose another port",
        io::ErrorKind::AddrNotAvailable => "choose an address that this machine has, or 0.0.0.0 or [::] for all",
        io::ErrorKind::PermissionDenied => "choose a port from 1024 on, or give the service CAP_NET_BIND_SERVICE",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}; {advice}"))
}

/// Binds one listener.
///
/// # Errors
/// As the operating system says, when the address is in use or not ours, with what to do.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    socket(address, false).and_then(listen).map_err(advised)
}

/// Binds one listener for each of `count` threads to one address (`SO_REUSEPORT`): the kernel deals out connections.
///
/// # Errors
/// As for [`bind`]. The address is first bound alone: `SO_REUSEPORT` would silently share it with another process.
pub fn bind_group(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    group(address, count).map_err(advised)
}

fn group(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let address = {
        let alone = socket(address, false)?;
        alone.local_addr()?.as_socket().unwrap_or(address)
    };
    (0..count.max(1)).map(|_| listen(socket(address, true)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn a_group_shares_one_port_but_not_with_a_second_group() {
        let group = bind_group(ANY, 3).unwrap();
        let address = group[0].local_addr().unwrap();
        assert!(group.iter().all(|listener| listener.local_addr().unwrap() == address));
        assert_eq!(bind_group(address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_that_cannot_be_bound_is_told_with_what_to_do() {
        let listener = bind(ANY).unwrap();
        let taken = listener.local_addr().unwrap();
        for error in [bind(taken).unwrap_err(), bind_group(taken, 2).unwrap_err()] {
            assert!(error.to_string().ends_with("; stop what listens there, or choose another port"), "{error}");
        }
        for (kind, says) in [
            (io::ErrorKind::AddrNotAvailable, "; choose an address that this machine has, or 0.0.0.0 or [::] for all"),
            (io::ErrorKind::PermissionDenied, "; choose a port from 1024 on, or give the service CAP_NET_BIND_SERVICE"),
        ] {
            let error = advised(kind.into());
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().ends_with(says), "{error}");
        }
        assert_eq!(advised(io::ErrorKind::OutOfMemory.into()).to_string(), io::ErrorKind::OutOfMemory.to_string());
    }
}
