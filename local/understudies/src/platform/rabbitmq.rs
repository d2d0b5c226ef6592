//! RabbitMQ over the network: durable queues, persistent messages, confirmed and acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use amqprs::callbacks::ChannelCallback;
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, Channel,
    ConfirmSelectArguments, ConsumerMessage, QueueDeclareArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, Nack, Return};
use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Queue;

/// Longest that one step may take: a connection, a declaration, a confirmation.
const PATIENCE: Duration = Duration::from_secs(5);
/// Silence after which either side takes the other for gone is twice this, in seconds.
const HEARTBEAT_S: u16 = 10;
/// How often a consumer that waits looks whether its connection is still one: the client library
/// tells nobody about a server that ended it in order.
const LOOK: Duration = Duration::from_secs(1);

/// How to reach a RabbitMQ server. The password is in no message of an error.
#[derive(Clone)]
pub struct RabbitSettings {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// Virtual host, `/` usually.
    pub virtual_host: String,
}

/// A RabbitMQ server, by connections that are made when they are needed and again when they were
/// lost.
pub struct RabbitQueue {
    settings: RabbitSettings,
    publisher: Mutex<Option<Publisher>>,
    consumers: Mutex<HashMap<String, Arc<Mutex<Option<Consumer>>>>>,
}

struct Publisher {
    connection: Connection,
    channel: Channel,
    confirmations: UnboundedReceiver<bool>,
}

struct Consumer {
    connection: Connection,
    channel: Channel,
    messages: UnboundedReceiver<ConsumerMessage>,
    /// What was handed over and is perhaps still being worked on.
    handed_over: Option<u64>,
}

impl RabbitQueue {
    /// Nothing is asked of the server before the first call.
    #[must_use]
    pub fn new(settings: RabbitSettings) -> Self {
        Self {
            settings,
            publisher: Mutex::default(),
            consumers: Mutex::default(),
        }
    }

    async fn connect(&self) -> Result<Connection, String> {
        let RabbitSettings {
            host,
            port,
            user,
            password,
            virtual_host,
        } = &self.settings;
        let mut arguments = OpenConnectionArguments::new(host, *port, user, password);
        arguments.virtual_host(virtual_host).heartbeat(HEARTBEAT_S);
        in_time(Connection::open(&arguments)).await
    }

    async fn publisher(&self) -> Result<Publisher, String> {
        let connection = self.connect().await?;
        let channel = in_time(connection.open_channel(None)).await?;
        let (told, confirmations) = unbounded_channel();
        in_time(channel.register_callback(Confirmed(told))).await?;
        in_time(channel.confirm_select(ConfirmSelectArguments::new(false))).await?;
        Ok(Publisher {
            connection,
            channel,
            confirmations,
        })
    }

    async fn consumer(&self, queue: &str) -> Result<Consumer, String> {
        let connection = self.connect().await?;
        let channel = in_time(connection.open_channel(None)).await?;
        declare(&channel, queue).await?;
        // One at a time: what is not acknowledged goes to the next worker when this one ends.
        in_time(channel.basic_qos(BasicQosArguments::new(0, 1, false))).await?;
        let arguments = BasicConsumeArguments::new(queue, "");
        let (_tag, messages) = in_time(channel.basic_consume_rx(arguments)).await?;
        Ok(Consumer {
            connection,
            channel,
            messages,
            handed_over: None,
        })
    }
}

impl Publisher {
    fn is_open(&self) -> bool {
        self.connection.is_open() && self.channel.is_open()
    }

    /// Hands a message to the server, and waits until the server has it.
    async fn publish(&mut self, queue: &str, message: Vec<u8>) -> Result<(), String> {
        declare(&self.channel, queue).await?;
        let mut properties = BasicProperties::default();
        properties.with_persistence(true);
        // The exchange without a name knows every queue by its own.
        let arguments = BasicPublishArguments::new("", queue);
        in_time(self.channel.basic_publish(properties, message, arguments)).await?;
        match tokio::time::timeout(PATIENCE, self.confirmations.recv()).await {
            Ok(Some(true)) => Ok(()),
            Ok(Some(false)) => Err("rabbitmq: the message was refused".to_owned()),
            Ok(None) | Err(_) => Err("rabbitmq: the message was not confirmed".to_owned()),
        }
    }

    /// A round trip that changes nothing.
    async fn ping(&mut self) -> Result<(), String> {
        let channel = in_time(self.connection.open_channel(None)).await?;
        in_time(channel.close()).await
    }
}

impl Consumer {
    /// The next message; `None` when the connection is gone.
    async fn next(&mut self) -> Option<Vec<u8>> {
        // Whoever asks for the next one is through with the last.
        if let Some(tag) = self.handed_over.take() {
            let acknowledged = self.channel.basic_ack(BasicAckArguments::new(tag, false));
            in_time(acknowledged).await.ok()?;
        }
        loop {
            if !self.connection.is_open() || !self.channel.is_open() {
                return None;
            }
            // Late is no error: it is looked at again.
            let Ok(message) = tokio::time::timeout(LOOK, self.messages.recv()).await else {
                continue;
            };
            let message = message?;
            self.handed_over = Some(message.deliver?.delivery_tag());
            return Some(message.content.unwrap_or_default());
        }
    }
}

#[async_trait]
impl Queue for RabbitQueue {
    async fn publish(&self, queue: &str, message: Vec<u8>) -> Result<(), String> {
        let mut held = self.publisher.lock().await;
        // Taken out while it is in use: a call that is given up leaves a confirmation behind.
        if let Some(mut publisher) = held.take().filter(Publisher::is_open)
            && publisher.publish(queue, message.clone()).await.is_ok()
        {
            *held = Some(publisher);
            return Ok(());
        }
        let mut publisher = self.publisher().await?;
        publisher.publish(queue, message).await?;
        *held = Some(publisher);
        Ok(())
    }

    /// Waits for a server that is gone, too. A message is acknowledged when the next one is asked
    /// for; one whose taker ended before that is given out again.
    async fn next(&self, queue: &str) -> Result<Vec<u8>, String> {
        let slot = {
            let mut consumers = self.consumers.lock().await;
            Arc::clone(consumers.entry(queue.to_owned()).or_default())
        };
        let mut held = slot.lock().await;
        loop {
            if held.is_none() {
                match self.consumer(queue).await {
                    Ok(consumer) => *held = Some(consumer),
                    Err(_) => {
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                }
            }
            if let Some(consumer) = held.as_mut()
                && let Some(message) = consumer.next().await
            {
                return Ok(message);
            }
            held.take();
        }
    }

    async fn ping(&self) -> Result<(), String> {
        let mut held = self.publisher.lock().await;
        if let Some(mut publisher) = held.take().filter(Publisher::is_open)
            && publisher.ping().await.is_ok()
        {
            *held = Some(publisher);
            return Ok(());
        }
        let mut publisher = self.publisher().await?;
        publisher.ping().await?;
        *held = Some(publisher);
        Ok(())
    }
}

async fn declare(channel: &Channel, queue: &str) -> Result<(), String> {
    let arguments = QueueDeclareArguments::durable_client_named(queue);
    in_time(channel.queue_declare(arguments)).await.map(|_| ())
}

async fn in_time<T>(
    call: impl Future<Output = Result<T, amqprs::error::Error>>,
) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(format!("rabbitmq: {error}")),
        Err(_) => Err("rabbitmq: no answer in time".to_owned()),
    }
}

/// Tells whoever publishes what the server says about it.
struct Confirmed(UnboundedSender<bool>);

#[async_trait]
impl ChannelCallback for Confirmed {
    async fn close(&mut self, _: &Channel, _: CloseChannel) -> Result<(), amqprs::error::Error> {
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), amqprs::error::Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, amqprs::error::Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, _: Ack) {
        let _nobody_waits = self.0.send(true);
    }

    async fn publish_nack(&mut self, _: &Channel, _: Nack) {
        let _nobody_waits = self.0.send(false);
    }

    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {}
}
