//! UDP in batches, and one socket that speaks for many clients.
//!
//! The whole of 127.0.0.0/8 is this machine, so every client has an address of
//! its own without a socket of its own: the source is chosen for each batch, and
//! the destination comes back with each datagram, with the kernel's time of arrival.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg,
    sendmsg, setsockopt, sockopt,
};
use nix::sys::time::TimeSpec;

/// Datagrams in one system call.
pub const BATCH: usize = 64;
/// Larger than any datagram here.
const LONGEST: usize = 2048;
/// Datagrams in one segmented whole, which must stay below 64 kB.
const SEGMENTS: usize = 32;
/// As much as the kernel grants.
const KERNEL_BUFFER: usize = 8 << 20;

/// A datagram that arrived.
pub struct Arrival<'a> {
    /// The client it is for.
    pub to: Ipv4Addr,
    /// Who sent it.
    pub from: SocketAddrV4,
    /// When the kernel took it, in nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// What it carries.
    pub bytes: &'a mut [u8],
}

/// A socket with its buffers.
pub struct BatchSocket {
    socket: UdpSocket,
    receiving: MultiHeaders<SockaddrIn>,
    sending: MultiHeaders<SockaddrIn>,
    buffers: Vec<[u8; LONGEST]>,
}

fn receiving_headers() -> MultiHeaders<SockaddrIn> {
    MultiHeaders::preallocate(BATCH, Some(cmsg_space!(TimeSpec, libc::in_pktinfo)))
}

fn enlarge(socket: &UdpSocket) {
    // Beyond the system's limit where the user may; otherwise up to it.
    if setsockopt(socket, sockopt::RcvBufForce, &KERNEL_BUFFER).is_err() {
        let _ = setsockopt(socket, sockopt::RcvBuf, &KERNEL_BUFFER);
    }
    let _ = setsockopt(socket, sockopt::SndBuf, &KERNEL_BUFFER);
}

impl BatchSocket {
    /// A socket that hears every address of this machine, on a port of the system's choice.
    pub fn for_many_clients() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        enlarge(&socket);
        Self::new(socket)
    }

    /// Takes a bound socket.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Self::with(socket, receiving_headers())
    }

    /// Takes a bound socket that needs neither destinations nor times.
    pub fn for_relay(socket: UdpSocket) -> io::Result<Self> {
        Self::with(socket, MultiHeaders::preallocate(BATCH, None))
    }

    fn with(socket: UdpSocket, receiving: MultiHeaders<SockaddrIn>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            receiving,
            sending: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![[0; LONGEST]; BATCH],
        })
    }

    /// Where it is bound.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The descriptor, to wait for.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Receives what is there, up to one batch; answers how many datagrams came.
    pub fn receive(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<usize> {
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = {
            let mut buffers = self.buffers.iter_mut();
            std::array::from_fn(|_| {
                let buffer: &mut [u8] = buffers.next().map_or(&mut [], |buffer| &mut buffer[..]);
                [IoSliceMut::new(buffer)]
            })
        };
        let results = match recvmmsg(
            self.socket.as_raw_fd(),
            &mut self.receiving,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        ) {
            Ok(results) => results,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut found = [(None, Ipv4Addr::UNSPECIFIED, 0_u64, 0_usize); BATCH];
        let mut count = 0;
        let mut cut = false;
        for (slot, result) in found.iter_mut().zip(results) {
            let (mut to, mut at_ns) = (Ipv4Addr::UNSPECIFIED, 0);
            match result.cmsgs() {
                Ok(messages) => {
                    for message in messages {
                        match message {
                            ControlMessageOwned::ScmTimestampns(time) => {
                                at_ns =
                                    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64;
                            }
                            ControlMessageOwned::Ipv4PacketInfo(info) => {
                                to = Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes());
                            }
                            _ => {}
                        }
                    }
                }
                Err(_) => cut = true,
            }
            *slot = (result.address, to, at_ns, result.bytes);
            count += 1;
        }
        for ((from, to, at_ns, length), buffer) in found[..count].iter().zip(&mut self.buffers) {
            if let Some(from) = from {
                each(Arrival {
                    to: *to,
                    from: (*from).into(),
                    at_ns: *at_ns,
                    bytes: &mut buffer[..*length],
                });
            }
        }
        if cut {
            // The room for control messages only ever shrinks in used headers.
            self.receiving = receiving_headers();
        }
        Ok(count)
    }

    /// Sends datagrams from one client to one place; answers how many the system
    /// took. Neighbours of the same length, such as the packets of a frame, go down
    /// the stack as one (UDP segmentation offload) and arrive as many.
    pub fn send_from(
        &mut self,
        from: Ipv4Addr,
        to: SocketAddrV4,
        datagrams: &[impl AsRef<[u8]>],
    ) -> usize {
        let source = libc::in_addr {
            s_addr: u32::from_ne_bytes(from.octets()),
        };
        let info = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: source,
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let to = SockaddrIn::from(to);
        datagrams
            .chunk_by(|one, next| one.as_ref().len() == next.as_ref().len())
            .flat_map(|alike| alike.chunks(SEGMENTS))
            .filter(|alike| {
                let slices: Vec<IoSlice<'_>> = alike
                    .iter()
                    .map(|datagram| IoSlice::new(datagram.as_ref()))
                    .collect();
                let length = alike[0].as_ref().len() as u16;
                let control = [
                    ControlMessage::Ipv4PacketInfo(&info),
                    ControlMessage::UdpGsoSegments(&length),
                ];
                let control = if alike.len() > 1 {
                    &control[..]
                } else {
                    &control[..1]
                };
                let flags = MsgFlags::MSG_DONTWAIT;
                sendmsg(self.socket.as_raw_fd(), &slices, control, flags, Some(&to)).is_ok()
            })
            .map(<[_]>::len)
            .sum()
    }

    /// Sends datagrams to their places; answers how many the system took.
    pub fn send(&mut self, datagrams: &[(SockaddrIn, impl AsRef<[u8]>)]) -> usize {
        let mut sent = 0;
        for datagrams in datagrams.chunks(BATCH) {
            let slices: Vec<[IoSlice<'_>; 1]> = datagrams
                .iter()
                .map(|(_, datagram)| [IoSlice::new(datagram.as_ref())])
                .collect();
            let mut addresses = [None; BATCH];
            for (address, (to, _)) in addresses.iter_mut().zip(datagrams) {
                *address = Some(*to);
            }
            let nothing: [ControlMessage<'_>; 0] = [];
            if let Ok(results) = sendmmsg(
                self.socket.as_raw_fd(),
                &mut self.sending,
                slices.iter(),
                addresses,
                nothing,
                MsgFlags::MSG_DONTWAIT,
            ) {
                sent += results.count();
            }
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_socket_speaks_for_many_clients() {
        let mut clients = BatchSocket::for_many_clients().unwrap();
        let mut server =
            BatchSocket::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
        let SocketAddr::V4(to) = server.local_address().unwrap() else {
            panic!("an IPv4 address");
        };
        let port = clients.local_address().unwrap().port();
        let sources = [Ipv4Addr::new(127, 1, 0, 1), Ipv4Addr::new(127, 1, 7, 9)];
        for _ in 0..3 {
            for source in sources {
                let words = [source.to_string(), "second".to_owned()];
                assert_eq!(clients.send_from(source, to, &words), 2);
            }
            let mut heard = Vec::new();
            server
                .receive(|arrival| {
                    assert!(arrival.at_ns > 0);
                    heard.push((arrival.from, arrival.bytes.to_vec()));
                })
                .unwrap();
            let from = |at: usize| SocketAddrV4::new(sources[at / 2], port);
            assert_eq!(heard.len(), 4);
            for (at, (whose, words)) in heard.iter().enumerate() {
                assert_eq!(*whose, from(at));
                if at % 2 == 0 {
                    assert_eq!(*words, sources[at / 2].to_string().into_bytes());
                }
            }
            let back: Vec<_> = heard
                .into_iter()
                .map(|(whose, words)| (SockaddrIn::from(whose), words))
                .collect();
            assert_eq!(server.send(&back), 4);
            let mut returned = Vec::new();
            clients
                .receive(|arrival| returned.push(arrival.to))
                .unwrap();
            assert_eq!(returned, [sources[0], sources[0], sources[1], sources[1]]);
        }
    }
}
