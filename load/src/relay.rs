//! The floor: a UDP relay that does the least a forwarding unit can do. It
//! receives what is there, in batches; looks up whose address it is; with
//! cryptography, opens the packet and seals it for every other of the room; and
//! sends in batches. No rooms, no reports, no repairs, no timers.

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddrV4, UdpSocket};

use bytes::Bytes;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{SockaddrIn, setsockopt, sockopt};
use rtc::rtp::Header;
use rtc::shared::marshal::Unmarshal;

use crate::leg::{address_of, server_address};
use crate::socket::{BATCH, BatchSocket};
use crate::srtp::Srtp;

/// As the media node asks for.
const KERNEL_BUFFER: usize = 4 << 20;
/// Batches in a row before what is ready is sent, as in the media node.
const BATCHES_IN_A_ROW: usize = 8;

/// Arguments of the relay.
#[derive(Debug, clap::Args)]
pub struct RelayArguments {
    /// Open and seal every packet (AES-128-GCM).
    #[arg(long)]
    srtp: bool,
    /// How many clients.
    #[arg(long)]
    clients: usize,
    /// How many of them are a room.
    #[arg(long)]
    people: usize,
    /// The ports that clients send from, by turns.
    #[arg(long)]
    port: Vec<u16>,
}

struct Client {
    address: SockaddrIn,
    srtp: Option<Srtp>,
}

/// Relays until it is killed.
pub fn run(arguments: &RelayArguments) -> Result<(), String> {
    let socket = UdpSocket::bind((server_address(), 0)).map_err(|e| e.to_string())?;
    let _ = setsockopt(&socket, sockopt::RcvBuf, &KERNEL_BUFFER);
    let _ = setsockopt(&socket, sockopt::SndBuf, &KERNEL_BUFFER);
    let mut socket = BatchSocket::for_relay(socket).map_err(|e| e.to_string())?;
    let mut clients = Vec::new();
    let mut by_address = HashMap::new();
    for client in 0..arguments.clients {
        let port = arguments.port[client % arguments.port.len()];
        let address = SocketAddrV4::new(address_of(client), port);
        by_address.insert(address, client);
        let srtp = if arguments.srtp {
            Some(Srtp::for_floor(client, false).map_err(|e| e.to_string())?)
        } else {
            None
        };
        clients.push(Client {
            address: SockaddrIn::from(address),
            srtp,
        });
    }
    println!("{}", socket.local_address().map_err(|e| e.to_string())?);
    let _ = std::io::stdout().flush();

    let mut out: Vec<(SockaddrIn, Bytes)> = Vec::new();
    loop {
        let mut descriptors = [PollFd::new(socket.descriptor(), PollFlags::POLLIN)];
        let _ = poll(&mut descriptors, PollTimeout::NONE);
        for _ in 0..BATCHES_IN_A_ROW {
            let count = socket
                .receive(|arrival| {
                    if let Some(client) = by_address.get(&arrival.from) {
                        relay(
                            *client,
                            arrival.bytes,
                            arguments.people,
                            &mut clients,
                            &mut out,
                        );
                    }
                })
                .map_err(|e| e.to_string())?;
            if out.len() >= BATCH {
                socket.send(&out);
                out.clear();
            }
            if count < BATCH {
                break;
            }
        }
        socket.send(&out);
        out.clear();
    }
}

fn relay(
    from: usize,
    datagram: &[u8],
    people: usize,
    clients: &mut [Client],
    out: &mut Vec<(SockaddrIn, Bytes)>,
) {
    let first = from / people * people;
    let others = (first..first + people).filter(|other| *other != from);
    let Some(srtp) = &mut clients[from].srtp else {
        let datagram = Bytes::copy_from_slice(datagram);
        out.extend(others.map(|other| (clients[other].address, datagram.clone())));
        return;
    };
    let Ok(header) = Header::unmarshal(&mut &*datagram) else {
        return;
    };
    let Ok(packet) = srtp.open(datagram, &header) else {
        return;
    };
    for other in others {
        let Client { address, srtp } = &mut clients[other];
        if let Some(Ok(sealed)) = srtp.as_mut().map(|srtp| srtp.protect(&packet, &header)) {
            out.push((*address, sealed.freeze()));
        }
    }
}
