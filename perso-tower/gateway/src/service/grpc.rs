//! What the gRPC services have in common, and the types of protobuf that they use.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde_json::{Map, Number, Value};
use std::collections::HashMap;
use std::pin::Pin;
use tonic::Status;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

/// How deep values of protobuf can be nested.
const DEEPEST: usize = 64;

/// Answers a call of a method with one request and one answer.
pub(super) async fn unary<Q, A, F>(request: Request, most: usize, answer: impl FnOnce(Q) -> F) -> Response
where
    Q: Message + Default + Send + 'static,
    A: Message + Default + Send + 'static,
    F: Future<Output = Result<A, Status>> + Send + 'static,
{
    struct Once<T>(Option<T>);

    impl<Q, A, F, T> UnaryService<Q> for Once<T>
    where
        T: FnOnce(Q) -> F,
        F: Future<Output = Result<A, Status>> + Send + 'static,
    {
        type Response = A;
        type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<A>, Status>> + Send>>;

        fn call(&mut self, request: tonic::Request<Q>) -> Self::Future {
            match self.0.take() {
                Some(answer) => {
                    let answer = answer(request.into_inner());
                    Box::pin(async move { answer.await.map(tonic::Response::new) })
                }
                None => Box::pin(async { Err(Status::internal("it has been answered")) }),
            }
        }
    }

    let mut grpc = Grpc::new(ProstCodec::<A, Q>::default()).max_decoding_message_size(most);
    grpc.unary(Once(Some(answer)), request).await.map(axum::body::Body::new).into_response()
}

/// `google.protobuf.Struct`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Struct {
    #[prost(map = "string, message", tag = "1")]
    pub(super) fields: HashMap<String, Any>,
}

/// `google.protobuf.Value`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Object(Struct),
    #[prost(message, tag = "6")]
    List(List),
}

/// `google.protobuf.ListValue`
#[derive(Clone, PartialEq, Message)]
pub(super) struct List {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Any>,
}

impl Struct {
    /// The object as JSON, or `None` if it cannot be written.
    pub(super) fn json(&self) -> Option<Map<String, Value>> {
        self.json_at(0)
    }

    fn json_at(&self, depth: usize) -> Option<Map<String, Value>> {
        self.fields.iter().map(|(key, value)| Some((key.clone(), value.json(depth)?))).collect()
    }

    /// Whether a number may have been another one before it came here: protobuf has only doubles.
    pub(super) fn is_rounded(&self) -> bool {
        self.fields.values().any(Any::is_rounded)
    }
}

impl Any {
    fn json(&self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        Some(match self.kind.as_ref()? {
            Kind::Null(_) => Value::Null,
            Kind::Number(number) => Value::Number(as_json(*number)?),
            Kind::String(text) => Value::String(text.clone()),
            Kind::Bool(is) => Value::Bool(*is),
            Kind::Object(object) => Value::Object(object.json_at(depth + 1)?),
            Kind::List(list) => {
                Value::Array(list.values.iter().map(|value| value.json(depth + 1)).collect::<Option<_>>()?)
            }
        })
    }

    fn is_rounded(&self) -> bool {
        match &self.kind {
            Some(Kind::Number(number)) => integer(*number).is_none(),
            Some(Kind::Object(object)) => object.is_rounded(),
            Some(Kind::List(list)) => list.values.iter().any(Self::is_rounded),
            _ => false,
        }
    }
}

/// The integer that a double is for certain.
fn integer(number: f64) -> Option<i64> {
    const MOST: f64 = 9_007_199_254_740_991.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is an integer of at most 53 bits")]
    (number.fract() == 0.0 && number.abs() <= MOST).then_some(number as i64)
}

fn as_json(number: f64) -> Option<Number> {
    integer(number).map(Number::from).or_else(|| Number::from_f64(number))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "it is a test")]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(kind: Kind) -> Any {
        Any { kind: Some(kind) }
    }

    #[test]
    fn values_become_json() {
        let list = List { values: vec![of(Kind::Number(1.0)), of(Kind::Number(19.99)), of(Kind::Null(0))] };
        let object = Struct { fields: HashMap::from([("a".to_owned(), of(Kind::List(list)))]) };
        assert_eq!(Value::Object(object.json().unwrap()), json!({ "a": [1, 19.99, null] }));
        assert!(object.is_rounded());
        for number in [f64::NAN, f64::INFINITY] {
            assert_eq!(Struct { fields: HashMap::from([("a".to_owned(), of(Kind::Number(number)))]) }.json(), None);
        }
        assert_eq!(Struct { fields: HashMap::from([("a".to_owned(), Any { kind: None })]) }.json(), None);
    }

    #[test]
    fn large_integers_may_have_been_others() {
        let rounded = |number| of(Kind::Number(number)).is_rounded();
        assert!(!rounded(9_007_199_254_740_991.0) && !rounded(-1.0) && !rounded(0.0));
        assert!(rounded(9_007_199_254_740_992.0) && rounded(0.5) && rounded(1e300));
    }

    #[test]
    fn what_is_nested_too_deeply_is_no_json() {
        let mut value = of(Kind::Bool(true));
        for _ in 0..70 {
            value = of(Kind::List(List { values: vec![value] }));
        }
        assert_eq!(Struct { fields: HashMap::from([("a".to_owned(), value)]) }.json(), None);
    }
}
