//! A client of graphql-transport-ws for tests, which hides nothing of the protocol.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{TestGateway, canaries};

/// The protocol that the gateway speaks.
pub(crate) const PROTOCOL: &str = "graphql-transport-ws";

/// The receive buffer of one who does not read, so that little is sent in vain.
const SMALL_BUFFER_BYTES: u32 = 4096;

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a socket with these headers; else tells the status of the refusal and its body.
    pub(crate) async fn open(
        gateway: &TestGateway,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (StatusCode, String)> {
        Self::open_at(gateway.address(), headers).await
    }

    /// The same at an address that need not be a test's own gateway.
    pub(crate) async fn open_at(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (StatusCode, String)> {
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(SMALL_BUFFER_BYTES).unwrap();
        let tcp = tcp.connect(address).await.unwrap();
        match client_async(request, tcp).await {
            Ok((socket, _response)) => Ok(Self(socket)),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a socket that speaks our protocol.
    pub(crate) async fn opened(gateway: &TestGateway) -> Self {
        let socket = Self::open(gateway, &[("sec-websocket-protocol", PROTOCOL)]).await;
        socket.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    /// Opens a socket and introduces a caller, or nobody.
    pub(crate) async fn introduced(gateway: &TestGateway, payload: Option<Value>) -> Self {
        let mut socket = Self::opened(gateway).await;
        socket.introduce(payload).await;
        socket
    }

    /// Introduces a caller, or nobody.
    pub(crate) async fn introduce(&mut self, payload: Option<Value>) {
        let mut message = json!({ "type": "connection_init" });
        if let Some(payload) = payload {
            message["payload"] = payload;
        }
        self.say(&message).await;
        assert_eq!(self.hear().await, json!({ "type": "connection_ack" }));
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Asks for an operation.
    pub(crate) async fn ask(&mut self, id: &str, query: &str) {
        let payload = json!({ "query": query });
        self.say(&json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    pub(crate) async fn complete(&mut self, id: &str) {
        self.say(&json!({ "id": id, "type": "complete" })).await;
    }

    /// The next message of the protocol; frames below it are passed over.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            match self.next().await {
                Some(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// The answers that an operation gives until it completes, where nothing else is under way.
    pub(crate) async fn answers(&mut self, id: &str) -> Vec<Value> {
        let mut answers = Vec::new();
        loop {
            let mut message = self.hear().await;
            assert_eq!(message["id"], id, "{message}");
            match message["type"].as_str().unwrap() {
                "next" => answers.push(message["payload"].take()),
                "complete" => return answers,
                other => panic!("{other}: {message}"),
            }
        }
    }

    /// Any frame; none when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        match self.0.next().await {
            Some(Ok(message)) => {
                canaries::look_through("a frame", &format!("{message:?}"));
                Some(message)
            }
            Some(Err(_)) | None => None,
        }
    }

    /// The code and reason with which the gateway closes the socket; messages before it are passed over.
    pub(crate) async fn closing(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Some(Message::Close(Some(frame))) => {
                    // Sends the answer that the library has prepared.
                    let _ = self.0.flush().await;
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Message::Close(None)) | None => panic!("closed without a code"),
                Some(_) => {}
            }
        }
    }

    /// Closes the socket in good order, and waits for the gateway's part.
    pub(crate) async fn close(mut self) {
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        while self.next().await.is_some() {}
    }
}
