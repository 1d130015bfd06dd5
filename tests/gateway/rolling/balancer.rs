//! One address for all replicas.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::replica::readiness;

/// Gives each connection to one of the replicas that are ready, in turn.
pub(super) struct Balancer {
    pub(super) address: SocketAddr,
    replicas: Arc<Mutex<Vec<SocketAddr>>>,
    _tasks: JoinSet<()>,
}

impl Balancer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replicas = Arc::<Mutex<Vec<_>>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(balance(listener, Arc::clone(&replicas)));
        Self { address, replicas, _tasks: tasks }
    }

    pub(super) fn add(&self, replica: SocketAddr) {
        self.replicas.lock().unwrap().push(replica);
    }

    pub(super) fn remove(&self, replica: SocketAddr) {
        self.replicas.lock().unwrap().retain(|known| *known != replica);
    }
}

async fn balance(listener: TcpListener, replicas: Arc<Mutex<Vec<SocketAddr>>>) {
    let mut connections = JoinSet::new();
    for turn in 0.. {
        let (mut client, _) = listener.accept().await.unwrap();
        let replicas = Arc::clone(&replicas);
        connections.spawn(async move {
            let mut known = replicas.lock().unwrap().clone();
            let first = turn % known.len();
            known.rotate_left(first);
            for replica in known {
                if readiness(replica).await == Some(200)
                    && let Ok(mut replica) = TcpStream::connect(replica).await
                {
                    // A connection that is cut is the client's to notice.
                    let _ = copy_bidirectional(&mut client, &mut replica).await;
                    return;
                }
            }
        });
    }
}
