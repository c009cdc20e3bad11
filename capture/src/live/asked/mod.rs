//! Interfaces that another process opens: it keeps the privilege that this takes, and passes the descriptors on.
//!
//! ```text
//!   Asked (in the process that captures) ──place of an interface──> serve (in the one that is privileged)
//!                                        <──rings, descriptors──
//! ```
//!
//! Whoever captures reads what strangers send, so it is the one that may be taken over; then it can ask for interfaces
//! that are in the list, and for nothing else.

mod message;
mod passing;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;
use std::time::Duration;

use super::interface::locked;
use super::opening::{OpenRing, Opened, Opener};
use super::{TapError, TapOptions};
use message::{Answer, MAX_MESSAGE_BYTES, REQUEST_BYTES, RING_BYTES};

/// How long an answer is waited for: the kernel clears a gigabyte for each worker before it comes. Beyond it, the
/// other process hangs, and is not asked again.
const PATIENCE: Duration = Duration::from_mins(1);

/// The two ends of a conversation: one for [`Asked`], the other for [`serve`].
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    passing::pair()
}

/// Asks another process to open interfaces.
#[derive(Debug)]
pub struct Asked {
    interfaces: Vec<String>,
    filter: String,
    /// `None` after something was not understood: what comes next would be taken for something else.
    socket: Mutex<Option<OwnedFd>>,
}

impl Asked {
    /// Over one end of a [`pair`], for the options that the process at the other end has.
    pub fn new(socket: OwnedFd, options: &TapOptions) -> io::Result<Self> {
        passing::be_patient(&socket, PATIENCE)?;
        let filter = options.filter.clone().unwrap_or_default();
        Ok(Self { interfaces: options.interfaces.clone(), filter, socket: Mutex::new(Some(socket)) })
    }
}

impl Opener for Asked {
    fn open(&self, place: usize) -> Result<Opened, TapError> {
        let name = self.interfaces.get(place).cloned().unwrap_or_default();
        let refused = |message: String| TapError::Interface { interface: name.clone(), message };
        let mut socket = locked(&self.socket);
        let asked = match &*socket {
            Some(socket) => ask(socket, place),
            None => Err(io::Error::from(io::ErrorKind::NotConnected)),
        };
        match asked {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err((true, message))) => Err(TapError::Filter { expression: self.filter.clone(), message }),
            Ok(Err((false, message))) => Err(refused(message)),
            Err(error) => {
                *socket = None;
                Err(refused(format!(
                    "the process that opens interfaces does not answer ({error}); only a restart helps"
                )))
            }
        }
    }
}

/// What was opened, or whether it is the filter's fault and why.
type Reply = Result<Opened, (bool, String)>;

fn ask(socket: &OwnedFd, place: usize) -> io::Result<Reply> {
    let not_understood = || io::Error::from(io::ErrorKind::InvalidData);
    let place = u32::try_from(place).map_err(|_| not_understood())?;
    passing::send(socket, &place.to_ne_bytes(), None)?;
    let mut buffer = vec![0; MAX_MESSAGE_BYTES];
    let (len, _) = passing::receive(socket, &mut buffer)?;
    if len == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    match Answer::read(buffer.get(..len).unwrap_or_default()).ok_or_else(not_understood)? {
        Answer::Refused { is_filter, message } => Ok(Err((is_filter, message))),
        Answer::Opened { link, is_cooked, filter, rings } => {
            let ring = |_| {
                let mut bytes = [0; RING_BYTES];
                let (len, passed) = passing::receive(socket, &mut bytes)?;
                let geometry = bytes.get(..len).and_then(message::read_ring).ok_or_else(not_understood)?;
                Ok(OpenRing { socket: passed.ok_or_else(not_understood)?, geometry })
            };
            let rings = (0..rings).map(ring).collect::<io::Result<_>>()?;
            Ok(Ok(Opened { link, is_cooked, filter, rings }))
        }
    }
}

/// Opens what is asked for at the other end of a [`pair`], until that is closed. What is no request for one of so many
/// interfaces is refused; nothing stays open here.
pub fn serve(socket: &OwnedFd, opener: &dyn Opener, interfaces: usize) -> io::Result<()> {
    let mut request = [0; REQUEST_BYTES];
    loop {
        let place = match passing::receive_only(socket, &mut request)? {
            Some(0) => return Ok(()),
            Some(REQUEST_BYTES) => Some(u32::from_ne_bytes(request) as usize),
            _ => None,
        };
        let opened = match place.filter(|place| *place < interfaces) {
            Some(place) => opener.open(place),
            None => Err(TapError::Options("there is no such interface in the list".to_owned())),
        };
        match answer(socket, opened) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            answered => answered?,
        }
    }
}

fn answer(socket: &OwnedFd, opened: Result<Opened, TapError>) -> io::Result<()> {
    let refused = |is_filter, message| Answer::Refused { is_filter, message };
    let (first, rings) = match opened {
        Ok(Opened { link, is_cooked, filter, rings }) => {
            (Answer::Opened { link, is_cooked, filter, rings: rings.len() }, rings)
        }
        Err(TapError::Interface { message, .. }) => (refused(false, message), Vec::new()),
        Err(TapError::Filter { message, .. }) => (refused(true, message), Vec::new()),
        Err(error) => (refused(false, error.to_string()), Vec::new()),
    };
    passing::send(socket, &first.write(), None)?;
    for ring in &rings {
        passing::send(socket, &message::write_ring(ring.geometry), Some(ring.socket.as_fd()))?;
    }
    Ok(())
}
