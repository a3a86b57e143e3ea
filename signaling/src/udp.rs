//! A worker's UDP socket: many datagrams for one system call.
//!
//! Datagrams to different addresses go in batches (`sendmmsg`). Those that follow
//! each other to the same address in the same size, as the packets of an image
//! do, go as one message that the system or the network card cuts apart (UDP
//! segmentation offload); what comes close together from one address comes as one
//! message likewise. Both spare the way through the kernel, which is most of what
//! a packet costs.
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
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage,
    recvmmsg, sendmmsg, sendmsg, setsockopt, sockopt,
};

/// Messages in one system call.
const BATCH: usize = 64;
/// Datagrams that wait to be sent together.
const QUEUED: usize = 256;
/// Datagrams in one message; the kernel takes 64.
const SEGMENTS: usize = 32;
/// The longest message (a 16-bit length), which holds several datagrams.
const WHOLE: usize = 65_536;
/// Larger than any datagram that a browser sends; what is longer is cut and then refused.
const LONGEST: usize = 2048;
/// Room for a burst of keyframes of every room, in bytes; the kernel may grant less.
const KERNEL_BUFFER: usize = 4 << 20;

/// A socket with its buffers.
pub(crate) struct BatchedSocket {
    socket: UdpSocket,
    sending: MultiHeaders<SockaddrStorage>,
    is_v6: bool,
    /// Whether the system cuts messages apart.
    segments: bool,
    received: Received,
    outgoing: Vec<Queued>,
    lost: u64,
}

/// A batch of messages in the buffers that the kernel wrote them to.
#[derive(Default)]
pub(crate) struct Received {
    /// Memory is taken where something was written only.
    buffers: Vec<Box<[u8]>>,
    messages: Vec<Message>,
    /// The message that is being read, and how far.
    next: usize,
    read: usize,
}

/// One message, of one or several datagrams.
#[derive(Clone, Copy)]
struct Message {
    from: Option<SocketAddr>,
    length: usize,
    /// How long each of its datagrams is; the last may be shorter.
    segment: usize,
}

impl Message {
    fn of(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Self {
        let segment = message.cmsgs().ok().into_iter().flatten().find_map(|told| {
            let ControlMessageOwned::UdpGroSegments(segment) = told else {
                return None;
            };
            usize::try_from(segment).ok().filter(|length| *length > 0)
        });
        Self {
            // The kernel names the sender of every datagram of a bound socket.
            from: message.address.as_ref().and_then(address),
            length: message.bytes,
            segment: segment.unwrap_or(message.bytes),
        }
    }
}

impl Received {
    /// The next datagram, and where it came from.
    pub fn next(&mut self) -> Option<(SocketAddr, &mut [u8])> {
        loop {
            let message = *self.messages.get(self.next)?;
            let start = self.read;
            let Some(from) = message.from.filter(|_| start < message.length) else {
                self.next += 1;
                self.read = 0;
                continue;
            };
            self.read = message.length.min(start + message.segment);
            let end = self.read.min(start + LONGEST);
            return Some((from, self.buffers[self.next].get_mut(start..end)?));
        }
    }

    /// Whether there may be more to receive.
    pub fn is_full(&self) -> bool {
        self.messages.len() == BATCH
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
        // Where the system does not know it, each message is one datagram.
        let _ = setsockopt(&socket, sockopt::UdpGroSegment, &true);
        Ok(Self {
            socket,
            is_v6,
            segments: true,
            sending: MultiHeaders::preallocate(BATCH, None),
            received: Received {
                buffers: (0..BATCH)
                    .map(|_| vec![0; WHOLE].into_boxed_slice())
                    .collect(),
                messages: Vec::with_capacity(BATCH),
                next: 0,
                read: 0,
            },
            outgoing: Vec::with_capacity(QUEUED),
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
            messages,
            next,
            read,
        } = &mut self.received;
        messages.clear();
        (*next, *read) = (0, 0);
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers
            .iter_mut()
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        // Made anew each time: the kernel writes into them how much room for
        // control messages it used, and takes that for all the room next time.
        let mut headers = MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(i32)));
        match recvmmsg(
            self.socket.as_raw_fd(),
            &mut headers,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        ) {
            Ok(results) => messages.extend(results.map(|message| Message::of(&message))),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(std::mem::take(&mut self.received))
    }

    /// Takes the buffers of a batch back, to be filled again.
    pub fn give_back(&mut self, received: Received) {
        self.received = received;
    }

    /// Queues a datagram, and sends when there are many.
    pub fn send(&mut self, to: SocketAddr, datagram: BytesMut) {
        let to = match to {
            // A socket of both families knows IPv4 by its mapped form only.
            SocketAddr::V4(v4) if self.is_v6 => {
                SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port()))
            }
            to => to,
        };
        self.outgoing.push((to.into(), datagram));
        if self.outgoing.len() == QUEUED {
            self.flush();
        }
    }

    /// Throws away what is queued: a fuzzer's time is not the system's.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn discard(&mut self) {
        self.outgoing.clear();
    }

    /// Sends what is queued, in its order.
    pub fn flush(&mut self) {
        let outgoing = std::mem::take(&mut self.outgoing);
        let mut rest = &outgoing[..];
        while !rest.is_empty() {
            let together = if self.segments { alike(rest) } else { 1 };
            let sent = if together > 1 {
                self.send_as_one(&rest[..together])
            } else {
                let most = rest.len().min(BATCH);
                let until = (1..most).find(|at| self.segments && alike(&rest[*at..]) > 1);
                self.send_apart(&rest[..until.unwrap_or(most)])
            };
            match sent {
                Ok(sent) => rest = &rest[sent..],
                Err(Full) => {
                    self.lost += rest.len() as u64;
                    break;
                }
            }
        }
        self.outgoing = outgoing;
        self.outgoing.clear();
    }

    /// Sends datagrams that are alike as one message; answers how many went.
    fn send_as_one(&mut self, datagrams: &[Queued]) -> Result<usize, Full> {
        let [(to, first), ..] = datagrams else {
            return Ok(0);
        };
        let Ok(length) = u16::try_from(first.len()) else {
            return self.send_apart(datagrams);
        };
        let slices: Vec<IoSlice<'_>> = datagrams
            .iter()
            .map(|(_, datagram)| IoSlice::new(datagram))
            .collect();
        let cut = [ControlMessage::UdpGsoSegments(&length)];
        match sendmsg(
            self.socket.as_raw_fd(),
            &slices,
            &cut,
            MsgFlags::MSG_DONTWAIT,
            Some(to),
        ) {
            Ok(_) => Ok(datagrams.len()),
            Err(Errno::EINTR) => Ok(0),
            Err(Errno::EAGAIN | Errno::ENOBUFS) => Err(Full),
            Err(error) => {
                // A device that cannot, or a path too narrow for the size.
                self.segments &= !matches!(error, Errno::EIO | Errno::EOPNOTSUPP);
                self.send_apart(datagrams)
            }
        }
    }

    /// Sends up to a batch of datagrams, each for itself; answers how many went.
    fn send_apart(&mut self, datagrams: &[Queued]) -> Result<usize, Full> {
        let slices: Vec<[IoSlice<'_>; 1]> = datagrams
            .iter()
            .map(|(_, datagram)| [IoSlice::new(datagram)])
            .collect();
        let addresses: Vec<Option<SockaddrStorage>> =
            datagrams.iter().map(|(to, _)| Some(*to)).collect();
        let nothing: [ControlMessage<'_>; 0] = [];
        match sendmmsg(
            self.socket.as_raw_fd(),
            &mut self.sending,
            slices.iter(),
            &addresses,
            nothing,
            MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(results) => Ok(results.count().max(1)),
            Err(Errno::EINTR) => Ok(0),
            Err(Errno::EAGAIN | Errno::ENOBUFS) => Err(Full),
            // One address that the system refuses must not silence the others.
            Err(_) => {
                self.lost += 1;
                Ok(1)
            }
        }
    }
}

/// A datagram and where it goes.
type Queued = (SockaddrStorage, BytesMut);

/// The system takes nothing more for now.
struct Full;

/// How many datagrams from the first one on may go as one message: to the same
/// address, in the same size, but for a shorter one at the end.
fn alike(datagrams: &[Queued]) -> usize {
    let Some((to, first)) = datagrams.first() else {
        return 0;
    };
    let mut count = 1;
    for (other, datagram) in datagrams.iter().take(SEGMENTS).skip(1) {
        if datagram.len() > first.len() || datagram.is_empty() || other != to {
            break;
        }
        count += 1;
        if datagram.len() < first.len() {
            break;
        }
    }
    count
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

    #[test]
    fn datagrams_of_one_size_travel_together_and_arrive_apart_in_their_order() {
        let near = UdpSocket::bind("127.0.0.1:0").unwrap();
        let fars = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let addresses = [0, 1].map(|far| fars[far].local_addr().unwrap());
        let from = near.local_addr().unwrap();
        let mut near = BatchedSocket::new(near).unwrap();
        let mut fars = fars.map(|far| BatchedSocket::new(far).unwrap());
        for sizes in [
            // (to whom, how long)
            vec![(0, 1100), (0, 1100), (0, 1100), (0, 700)],
            vec![(0, 700), (0, 1100), (0, 1100), (0, 80)],
            vec![(0, 1100), (1, 1100), (0, 1100), (1, 1100)],
            vec![(0, 80), (1, 80), (1, 80), (0, 1100), (0, 1100), (1, 40)],
            vec![(0, 900); 2 * SEGMENTS + 3],
            vec![(1, LONGEST); SEGMENTS + 1],
            (0..QUEUED + 5).map(|at| (at % 2, 100 + at % 3)).collect(),
        ] {
            let datagrams: Vec<(usize, BytesMut)> = (0_usize..)
                .zip(&sizes)
                .map(|(mark, (to, length))| (*to, BytesMut::from(&vec![mark as u8; *length][..])))
                .collect();
            for (to, datagram) in &datagrams {
                near.send(addresses[*to], datagram.clone());
            }
            near.flush();
            assert_eq!(near.take_lost(), 0);
            for (to, far) in fars.iter_mut().enumerate() {
                let sent: Vec<_> = datagrams
                    .iter()
                    .filter(|(other, _)| *other == to)
                    .map(|(_, datagram)| (from, datagram.clone()))
                    .collect();
                assert!(all(far) == sent, "{sizes:?} to {to}");
            }
        }
    }

    #[test]
    fn a_size_that_does_not_fit_is_sent_apart() {
        // Together longer than any message may be.
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = far.local_addr().unwrap();
        let mut far = BatchedSocket::new(far).unwrap();
        let mut near = BatchedSocket::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        for _ in 0..3 {
            near.send(to, BytesMut::from(&[1; 40_000][..]));
        }
        near.flush();
        assert_eq!(near.take_lost(), 0);
        assert_eq!(all(&mut far).len(), 3);
    }

    #[test]
    fn a_datagram_longer_than_any_is_cut() {
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let near = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = near.local_addr().unwrap();
        let mut near = BatchedSocket::new(near).unwrap();
        for length in [LONGEST, 3 * LONGEST] {
            far.send_to(&vec![7; length], to).unwrap();
            let lengths: Vec<usize> = all(&mut near).iter().map(|(_, cut)| cut.len()).collect();
            assert_eq!(lengths, [LONGEST]);
        }
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
