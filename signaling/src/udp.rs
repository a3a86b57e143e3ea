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
    is_v6: bool,
    received: Received,
    outgoing: Vec<(SockaddrStorage, BytesMut)>,
    lost: u64,
}

/// A batch of datagrams in the buffers that the kernel wrote them to.
#[derive(Default)]
pub(crate) struct Received {
    buffers: Vec<[u8; LONGEST]>,
    /// Where each came from, and how long it is.
    datagrams: Vec<(Option<SocketAddr>, usize)>,
    next: usize,
}

impl Received {
    /// The next datagram, and where it came from.
    pub fn next(&mut self) -> Option<(SocketAddr, &mut [u8])> {
        loop {
            let (from, length) = *self.datagrams.get(self.next)?;
            let place = self.next;
            self.next += 1;
            // The kernel names the sender of every datagram of a bound socket.
            if let Some(from) = from {
                return Some((from, self.buffers[place].get_mut(..length)?));
            }
        }
    }

    /// Whether there may be more to receive.
    pub fn is_full(&self) -> bool {
        self.datagrams.len() == BATCH
    }
}

impl BatchedSocket {
    /// Takes a bound socket. To be called on the thread that will use it.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let is_v6 = socket.local_addr()?.is_ipv6();
        // More than the system allows is cut by the system, not refused.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &KERNEL_BUFFER);
        let _ = setsockopt(&socket, sockopt::SndBuf, &KERNEL_BUFFER);
        Ok(Self {
            socket,
            is_v6,
            receiving: MultiHeaders::preallocate(BATCH, None),
            sending: MultiHeaders::preallocate(BATCH, None),
            received: Received {
                buffers: vec![[0; LONGEST]; BATCH],
                datagrams: Vec::with_capacity(BATCH),
                next: 0,
            },
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

    /// Receives up to one batch. It is to be given back before the next one.
    pub fn receive(&mut self) -> io::Result<Received> {
        let Received {
            buffers,
            datagrams,
            next,
        } = &mut self.received;
        datagrams.clear();
        *next = 0;
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers
            .iter_mut()
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        match recvmmsg(
            self.socket.as_raw_fd(),
            &mut self.receiving,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        ) {
            Ok(results) => datagrams.extend(
                results.map(|result| (result.address.as_ref().and_then(address), result.bytes)),
            ),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(std::mem::take(&mut self.received))
    }

    /// Takes the buffers of a batch back, to be filled again.
    pub fn give_back(&mut self, received: Received) {
        self.received = received;
    }

    /// Queues a datagram, and sends when a batch is full.
    pub fn send(&mut self, to: SocketAddr, datagram: BytesMut) {
        let to = match to {
            // A socket of both families knows IPv4 by its mapped form only.
            SocketAddr::V4(v4) if self.is_v6 => {
                SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port()))
            }
            to => to,
        };
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
    let v6 = storage.as_sockaddr_in6()?;
    // An IPv4 address is told as one, whichever socket it came to.
    Some(SocketAddr::new(
        v6.ip().to_canonical(),
        std::net::SocketAddrV6::from(*v6).port(),
    ))
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
        assert_eq!(all(&mut near), numbered(far_address));
        assert_eq!(all(&mut near), []);

        for (from, datagram) in numbered(far_address) {
            near.send(from, datagram);
        }
        near.flush();
        assert_eq!(all(&mut far), numbered(near_address));
    }

    fn all(socket: &mut BatchedSocket) -> Vec<(SocketAddr, BytesMut)> {
        let mut all = Vec::new();
        loop {
            let mut batch = socket.receive().unwrap();
            while let Some((from, datagram)) = batch.next() {
                all.push((from, BytesMut::from(&datagram[..])));
            }
            let more = batch.is_full();
            socket.give_back(batch);
            if !more {
                return all;
            }
        }
    }
}
