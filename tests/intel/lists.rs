//! A server of lists on the loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

/// Answers every request with the same, until told otherwise.
pub(crate) struct Lists {
    pub(crate) address: SocketAddr,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Lists {
    pub(crate) fn new(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = Arc::new(Mutex::new((200, body.to_owned())));
        let answers = Arc::clone(&answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let (status, body) = answers.lock().expect("nobody panicked").clone();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { address, answer }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/bad.txt", self.address)
    }

    pub(crate) fn say(&self, status: u16, body: &str) {
        *self.answer.lock().expect("nobody panicked") = (status, body.to_owned());
    }
}
