//! A worker's UDP socket, in batches: many datagrams for one system call.
//!
//! It knows addresses and bytes, and nothing of what is in them. UDP may lose,
//! so a full send buffer loses the rest of a batch instead of making the worker
//! wait; the count of what was lost is kept.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use bytes::BytesMut;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt,
    sockopt,
};

/// Datagrams in one system call.
const BATCH: usize = 64;
/// Larger than any datagram that a browser sends; what is longer is cut and then refused.
const LONGEST: usize = 2048;
/// Room for a burst of keyframes of every room, in bytes; the kernel may grant less.
const KERNEL_BUFFER: usize = 4 << 20;

/// A socket with its buffers.
pub(crate) struct BatchedSocket {
    socket: UdpSocket,
    /// Two sets, because sending leaves addresses of its own in its headers,
    /// where receiving would write.
    receiving: MultiHeaders<SockaddrStorage>,
    sending: MultiHeaders<SockaddrStorage>,
    buffers: Vec<[u8; LONGEST]>,
    outgoing: Vec<(SockaddrStorage, BytesMut)>,
    lost: u64,
}

impl BatchedSocket {
    /// Takes a bound socket. To be called on the thread that will use it.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // More than the system allows is cut by the system, not refused.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &KERNEL_BUFFER);
        let _ = setsockopt(&socket, sockopt::SndBuf, &KERNEL_BUFFER);
        Ok(Self {
            socket,
            receiving: MultiHeaders::preallocate(BATCH, None),
            sending: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![[0; LONGEST]; BATCH],
            outgoing: Vec::with_capacity(BATCH),
            lost: 0,
        })
    }

    /// The descriptor, to wait for.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// How many datagrams the system did not take since the last call.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Receives up to one batch into `received`; true if there may be more.
    pub fn receive(&mut self, received: &mut Vec<(SocketAddr, BytesMut)>) -> io::Result<bool> {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .buffers
            .iter_mut()
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        let results = match recvmmsg(
            self.socket.as_raw_fd(),
            &mut self.receiving,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        ) {
            Ok(results) => results,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut sizes = [(None, 0_usize); BATCH];
        let mut count = 0;
        for (size, result) in sizes.iter_mut().zip(results) {
            *size = (result.address.as_ref().and_then(address), result.bytes);
            count += 1;
        }
        for ((from, length), buffer) in sizes[..count].iter().zip(&self.buffers) {
            if let Some(from) = from {
                received.push((*from, BytesMut::from(&buffer[..*length])));
            }
        }
        Ok(count == BATCH)
    }

    /// Queues a datagram, and sends when a batch is full.
    pub fn send(&mut self, to: SocketAddr, datagram: BytesMut) {
        self.outgoing.push((to.into(), datagram));
        if self.outgoing.len() == BATCH {
            self.flush();
        }
    }

    /// Sends what is queued.
    pub fn flush(&mut self) {
        let mut sent = 0;
        while sent < self.outgoing.len() {
            let rest = &self.outgoing[sent..];
            let slices: Vec<[IoSlice<'_>; 1]> = rest
                .iter()
                .map(|(_, datagram)| [IoSlice::new(datagram)])
                .collect();
            let addresses: Vec<Option<SockaddrStorage>> =
                rest.iter().map(|(to, _)| Some(*to)).collect();
            let nothing: [ControlMessage<'_>; 0] = [];
            match sendmmsg(
                self.socket.as_raw_fd(),
                &mut self.sending,
                slices.iter(),
                &addresses,
                nothing,
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(results) => sent += results.count().max(1),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    self.lost += (self.outgoing.len() - sent) as u64;
                    break;
                }
                // One address that the system refuses must not silence the others.
                Err(_) => {
                    self.lost += 1;
                    sent += 1;
                }
            }
        }
        self.outgoing.clear();
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    storage
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::V6((*v6).into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn datagrams_go_and_come_both_ways_with_their_addresses() {
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let near = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (far_address, near_address) = (far.local_addr().unwrap(), near.local_addr().unwrap());
        let mut far = BatchedSocket::new(far).unwrap();
        let mut near = BatchedSocket::new(near).unwrap();
        for number in 0..100_u8 {
            far.send(near_address, BytesMut::from(&[number][..]));
        }
        far.flush();
        assert_eq!(far.take_lost(), 0);
        // Loopback delivers within the sending call.
        let numbered = |from: SocketAddr| -> Vec<_> {
            (0..100_u8)
                .map(|number| (from, BytesMut::from(&[number][..])))
                .collect()
        };
        let mut received = Vec::new();
        while near.receive(&mut received).unwrap() {}
        assert_eq!(received, numbered(far_address));
        assert!(!near.receive(&mut received).unwrap());

        for (from, datagram) in received.drain(..) {
            near.send(from, datagram);
        }
        near.flush();
        while far.receive(&mut received).unwrap() {}
        assert_eq!(received, numbered(near_address));
    }
}
