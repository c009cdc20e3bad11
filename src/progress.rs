//! A progress bar on stderr, when that is a terminal and the work is long.

use crate::config::Verbosity;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Work that is over sooner shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(200);

/// The bar; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    done: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts to draw after a moment of patience.
    pub(crate) fn start(verbosity: Verbosity, seen: weir_capture::Progress) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let bar = ProgressBar::with_draw_target(seen.total_bytes(), ProgressDrawTarget::stderr_with_hz(5));
        let drawer = (verbosity == Verbosity::Normal && !bar.is_hidden()).then(|| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || draw(&bar, &seen, &done))
        });
        Self { done, drawer }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            drop(drawer.join());
        }
    }
}

fn draw(bar: &ProgressBar, seen: &weir_capture::Progress, done: &AtomicBool) {
    std::thread::park_timeout(PATIENCE);
    let template = if bar.length().is_some() {
        "{bar:32} {percent:>3}%  {bytes} of {total_bytes}  {msg}  {eta} left"
    } else {
        "{spinner} {bytes}  {msg}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    while !done.load(Ordering::Relaxed) {
        let frames = seen.frames();
        let rate = frames as f64 / bar.elapsed().as_secs_f64();
        bar.set_position(seen.consumed_bytes());
        bar.set_message(format!("{frames} packets, {rate:.0}/s"));
        std::thread::park_timeout(REDRAW);
    }
    bar.finish_and_clear();
}
