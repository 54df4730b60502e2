//! Bodies: complete ones, passed on unchanged, or filtered as they stream.

use super::events::{self, Events};
use crate::agent::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The body of the requests that [`Perso`](crate::Perso) passes on, and of its responses.
    #[derive(Debug)]
    pub struct PersoBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Whole { bytes: Bytes },
        Passed { #[pin] body: B },
        Filtered { #[pin] body: B, events: Events, done: bool },
    }
}

impl<B> PersoBody<B> {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Whole { bytes: bytes.into() } }
    }

    pub(super) const fn passed(body: B) -> Self {
        Self { kind: Kind::Passed { body } }
    }

    pub(super) const fn filtered(body: B, events: Events) -> Self {
        Self { kind: Kind::Filtered { body, events, done: false } }
    }
}

impl<B> Body for PersoBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProjection::Whole { bytes } => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            KindProjection::Passed { body } => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Filtered { done: true, .. } => Poll::Ready(None),
            KindProjection::Filtered { body, events, done } => {
                let next = filtered(body, events, cx);
                *done = matches!(next, Poll::Ready(None | Some(Err(_))));
                next
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes } => bytes.is_empty(),
            Kind::Passed { body } => body.is_end_stream(),
            Kind::Filtered { done, .. } => *done,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Passed { body } => body.size_hint(),
            Kind::Filtered { .. } => SizeHint::default(),
        }
    }
}

fn filtered<B>(
    mut body: Pin<&mut B>,
    events: &mut Events,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    loop {
        let frame = match std::task::ready!(body.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            // Drop an unfinished event at the end of the stream, as HTML requires.
            None => return Poll::Ready(None),
        };
        // An event stream needs no trailers.
        let Ok(data) = frame.into_data() else { continue };
        match events.push(&data) {
            Ok(out) if out.is_empty() => {}
            Ok(out) => return Poll::Ready(Some(Ok(Frame::data(out.into())))),
            Err(events::TooLarge(most)) => {
                return Poll::Ready(Some(Err(format!("an event of more than {most} bytes").into())));
            }
        }
    }
}
