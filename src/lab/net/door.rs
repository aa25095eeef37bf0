//! A port of loopback that is opened and shut: shut, it is still the lab's, and connections to it are refused.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// As many connections wait to be taken.
const BACKLOG: u32 = 1024;

/// A port.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    /// What listens; or what only holds the port, so that nobody else gets it.
    listener: Option<TcpListener>,
    holder: Option<TcpSocket>,
}

impl Door {
    /// A port of 127.0.0.1 (0: any that is free), open. Has to be called within a runtime.
    ///
    /// # Errors
    /// The port is in use.
    pub fn new(port: u16) -> io::Result<Self> {
        let holder = hold(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let mut door = Self { address: holder.local_addr()?, listener: None, holder: Some(holder) };
        // That another has the port may show only where somebody would listen at it.
        door.open()?;
        Ok(door)
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes connections from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn open(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            let holder = self.holder.take().map_or_else(|| hold(self.address), Ok)?;
            self.listener = Some(holder.listen(BACKLOG)?);
        }
        Ok(())
    }

    /// Refuses connections from now on; those that were taken are not touched.
    ///
    /// # Errors
    /// The system's.
    pub fn shut(&mut self) -> io::Result<()> {
        if self.listener.take().is_some() {
            self.holder = Some(hold(self.address)?);
        }
        Ok(())
    }

    /// The next connection; none as long as it is shut.
    ///
    /// # Errors
    /// The system's: too many open files, say.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        match &self.listener {
            Some(listener) => listener.accept().await.map(|(stream, _)| stream),
            None => std::future::pending().await,
        }
    }
}

fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // A port that is chosen is to be nobody else's; one that is known has connections of former days.
    let chosen = address.port() == 0;
    socket.set_reuseaddr(!chosen)?;
    socket.bind(address)?;
    socket.set_reuseaddr(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_refused_taken_and_refused_again() {
        let mut door = Door::new(0).unwrap();
        let at = door.address();
        let refused = async || TcpStream::connect(at).await.unwrap_err().kind();
        door.shut().unwrap();
        assert_eq!(refused().await, io::ErrorKind::ConnectionRefused);
        door.open().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(at), door.accept());
        client.unwrap();
        server.unwrap();
        door.shut().unwrap();
        assert_eq!(refused().await, io::ErrorKind::ConnectionRefused);
        door.open().unwrap();
        assert!(TcpStream::connect(at).await.is_ok());
        assert_eq!(Door::new(at.port()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
