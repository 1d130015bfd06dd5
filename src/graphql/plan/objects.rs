//! How each field of plain data is written: the same as its resolver in `types` answers.

use std::sync::Arc;

use async_graphql::ID;
use async_graphql::parser::types::SelectionSet;

use super::compile::{Asked, Compiler};
use super::{Needed, Object, Read, Write, json};
use crate::cache::{ConversationList, FriendList};
use crate::graphql::lists::OrderDirection;
use crate::graphql::lists::conversations::{self, ConversationFilter, ConversationOrder};
use crate::graphql::lists::friends::{self, FriendFilter, FriendOrder, FriendOrdering};
use crate::graphql::paging::{Connection, Edge, PageArguments, Paged, Place};
use crate::graphql::types::{ConversationNode, FriendNode};
use crate::ozeki::{Blocklist, Conversation, ConversationProperties, Friend, Participant, UserId};
use crate::session::Caller;

/// What an answer is written from. A plan has noted what it needs of it.
pub(super) struct Scene<'a> {
    pub(super) caller: Option<&'a Arc<Caller>>,
    pub(super) read: &'a Read,
}

impl Scene<'_> {
    fn caller(&self) -> &Caller {
        self.caller.expect("a plan that needs a caller is not run without")
    }

    fn viewer(&self) -> UserId {
        self.caller().user()
    }

    fn conversations(&self) -> &Arc<ConversationList> {
        self.read.conversations.as_ref().expect("what a plan needs was read")
    }

    fn friends(&self) -> &Arc<FriendList> {
        self.read.friends.as_ref().expect("what a plan needs was read")
    }

    fn blocklist(&self) -> &Blocklist {
        self.read.blocklist.as_ref().expect("what a plan needs was read")
    }
}

/// A field that is written from the value alone.
#[expect(clippy::unnecessary_wraps, reason = "a field that is not plain has none")]
fn field<T>(write: impl Fn(&mut Vec<u8>, &T) + Send + Sync + 'static) -> Option<Write<T>> {
    Some(Box::new(move |out, _, value| write(out, value)))
}

fn id(out: &mut Vec<u8>, digits: [u8; 32]) {
    json::plain(out, &digits);
}

fn ids(out: &mut Vec<u8>, ids: &[UserId]) {
    json::list(out, ids, |out, user| id(out, user.digits()));
}

/// The operation's own selection.
pub(super) fn query<'a>(compiler: &mut Compiler<'a>, set: &'a SelectionSet) -> Option<Object<()>> {
    compiler.object(&[set], "Query", |compiler, asked| match asked.name() {
        "viewer" => viewer(compiler, asked),
        "conversations" => {
            compiler.needed_below(Needed::Conversations, |it| all_conversations(it, asked))
        }
        "conversation" => {
            compiler.needed_below(Needed::Conversations, |it| one_conversation(it, asked))
        }
        "friends" => compiler.needed_below(Needed::Friends, |it| all_friends(it, asked)),
        "friend" => compiler.needed_below(Needed::Friends, |it| one_friend(it, asked)),
        "blocklist" => compiler.needed_below(Needed::Blocklist, |it| blocklist(it, asked)),
        "userId" => {
            let email: String = compiler.argument(asked, "email")?;
            let user = UserId::from_email(&email).ok()?;
            field(move |out, ()| id(out, user.digits()))
        }
        _ => None,
    })
}

fn viewer<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<()>> {
    compiler.need_caller();
    let below = compiler.below(asked, "Viewer", |_, asked| match asked.name() {
        "id" => field(|out, caller: &Caller| id(out, caller.user().digits())),
        "name" => field(|out, caller: &Caller| {
            let name = caller.session().and_then(|session| session.name.as_deref());
            json::optional_text(out, name);
        }),
        "sessionExpiresAt" => field(|out, caller: &Caller| {
            json::moment(out, caller.session().map(|session| session.expires_at));
        }),
        _ => None,
    })?;
    Some(Box::new(move |out, scene, ()| below.write(out, scene, scene.caller())))
}

/// The arguments of a connection, if they are as they should be.
fn page<'a, P: Place>(
    compiler: &Compiler<'a>,
    asked: &Asked<'a>,
    order: P::Order,
) -> Option<PageArguments<P>> {
    let after: Option<String> = compiler.argument(asked, "after")?;
    let before: Option<String> = compiler.argument(asked, "before")?;
    let (first, last) = (compiler.argument(asked, "first")?, compiler.argument(asked, "last")?);
    PageArguments::parse(first, after.as_deref(), last, before.as_deref(), order).ok()
}

fn all_conversations<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<()>> {
    let order: Option<ConversationOrder> = compiler.argument(asked, "orderBy")?;
    let direction = conversations::direction(order.as_ref());
    let arguments = page(compiler, asked, direction)?;
    let filter: Option<ConversationFilter> = compiler.argument(asked, "filter")?;
    let condition = filter.unwrap_or_default().validate().ok()?;
    let below = conversation_connection(compiler, asked)?;
    Some(Box::new(move |out, scene, ()| {
        let (list, viewer) = (scene.conversations(), scene.viewer());
        let page = conversations::connection(list, viewer, &condition, direction, &arguments);
        below.write(out, scene, &page);
    }))
}

fn one_conversation<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<()>> {
    let named: ID = compiler.argument(asked, "id")?;
    let named = named.parse().ok()?;
    let below = compiler.below(asked, "Conversation", conversation)?;
    Some(Box::new(move |out, scene, ()| match scene.conversations().find(named) {
        Some(conversation) => below.write(out, scene, conversation),
        None => json::null(out),
    }))
}

fn all_friends<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<()>> {
    let order: Option<FriendOrder> = compiler.argument(asked, "orderBy")?;
    let order = FriendOrdering::from(order);
    let arguments = page(compiler, asked, order)?;
    let filter: Option<FriendFilter> = compiler.argument(asked, "filter")?;
    let condition = filter.unwrap_or_default().validate().ok()?;
    let types = ["FriendConnection", "FriendEdge", "Friend"];
    let below = connection(compiler, asked, types, FriendNode::friend, friend)?;
    Some(Box::new(move |out, scene, ()| {
        let page = friends::connection(scene.friends(), &condition, order, &arguments);
        below.write(out, scene, &page);
    }))
}

fn one_friend<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<()>> {
    let named: ID = compiler.argument(asked, "id")?;
    let named: UserId = named.parse().ok()?;
    let below = compiler.below(asked, "Friend", friend)?;
    Some(Box::new(move |out, scene, ()| write_friend(out, scene, named, &below)))
}

/// A friend by the user's id, or null.
fn write_friend(out: &mut Vec<u8>, scene: &Scene<'_>, user: UserId, below: &Object<Friend>) {
    let list = scene.friends();
    match list.position(user) {
        Some(position) => below.write(out, scene, &list.all()[position]),
        None => json::null(out),
    }
}

fn blocklist<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<()>> {
    let below = compiler.below(asked, "Blocklist", |_, asked| match asked.name() {
        "userIds" => field(|out, list: &Blocklist| {
            json::list(out, &list.users, |out, id| json::text(out, id));
        }),
        "conversationIds" => field(|out, list: &Blocklist| {
            json::list(out, &list.conversations, |out, id| json::text(out, id));
        }),
        _ => None,
    })?;
    Some(Box::new(move |out, scene, ()| below.write(out, scene, scene.blocklist())))
}

fn conversation_connection<'a>(
    compiler: &mut Compiler<'a>,
    asked: &Asked<'a>,
) -> Option<Object<Connection<ConversationNode>>> {
    let types = ["ConversationConnection", "ConversationEdge", "Conversation"];
    connection(compiler, asked, types, ConversationNode::conversation, conversation)
}

/// A page; `types` are the names of its own type, of its edges and of its nodes, `shown` what a node shows.
fn connection<'a, N, T>(
    compiler: &mut Compiler<'a>,
    asked: &Asked<'a>,
    types: [&'static str; 3],
    shown: fn(&N) -> &T,
    node: fn(&mut Compiler<'a>, &Asked<'a>) -> Option<Write<T>>,
) -> Option<Object<Connection<N>>>
where
    N: Paged + 'static,
    T: 'static,
{
    let [connection_type, edge_type, node_type] = types;
    compiler.below(asked, connection_type, |compiler, asked| match asked.name() {
        "nodes" => {
            let below = compiler.below(asked, node_type, node)?;
            Some(Box::new(move |out, scene, page: &Connection<N>| {
                json::list(out, &page.nodes, |out, node| below.write(out, scene, shown(node)));
            }))
        }
        "edges" => {
            let below = compiler.below(asked, edge_type, |compiler, asked| match asked.name() {
                "cursor" => field(|out, edge: &Edge<N>| json::plain(out, edge.cursor.as_bytes())),
                "node" => {
                    let below = compiler.below(asked, node_type, node)?;
                    Some(Box::new(move |out, scene, edge: &Edge<N>| {
                        below.write(out, scene, shown(&edge.node));
                    }))
                }
                _ => None,
            })?;
            Some(Box::new(move |out, scene, page: &Connection<N>| {
                json::list(out, page.all_edges(), |out, edge| below.write(out, scene, &edge));
            }))
        }
        "pageInfo" => {
            let below = compiler.below(asked, "PageInfo", |_, asked| page_info(asked.name()))?;
            Some(Box::new(move |out, scene, page: &Connection<N>| below.write(out, scene, page)))
        }
        "totalCount" => field(|out, page: &Connection<N>| json::number(out, page.total_count)),
        _ => None,
    })
}

fn page_info<N: Paged + 'static>(name: &str) -> Option<Write<Connection<N>>> {
    match name {
        "hasPreviousPage" => {
            field(|out, page: &Connection<N>| json::truth(out, page.has_previous_page))
        }
        "hasNextPage" => field(|out, page: &Connection<N>| json::truth(out, page.has_next_page)),
        "startCursor" => field(|out, page: &Connection<N>| {
            json::optional_text(out, page.nodes.first().map(|node| page.cursor(node)).as_deref());
        }),
        "endCursor" => field(|out, page: &Connection<N>| {
            json::optional_text(out, page.nodes.last().map(|node| page.cursor(node)).as_deref());
        }),
        _ => None,
    }
}

fn conversation<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<Conversation>> {
    match asked.name() {
        "id" => field(|out, it: &Conversation| id(out, it.id.digits())),
        "isGroup" => field(|out, it: &Conversation| json::truth(out, it.is_group)),
        "participants" => {
            let below = compiler.below(asked, "Participant", participant)?;
            Some(Box::new(move |out, scene, it| {
                json::list(out, &it.participants, |out, one| below.write(out, scene, one));
            }))
        }
        "displayName" => field(|out, it: &Conversation| json::text(out, it.display_name())),
        "secret" => field(|out, it: &Conversation| json::text(out, it.secret())),
        "instance" => field(|out, it: &Conversation| json::text(out, it.instance())),
        "lastAccess" => field(|out, it: &Conversation| json::moment(out, it.last_access)),
        "lastMessageId" => {
            field(|out, it: &Conversation| json::optional_text(out, it.last_message_id()))
        }
        "lastReportId" => {
            field(|out, it: &Conversation| json::optional_text(out, it.last_report_id()))
        }
        "mutedBy" => field(|out, it: &Conversation| ids(out, it.muted_by())),
        "favoriteBy" => field(|out, it: &Conversation| ids(out, it.favorite_by())),
        "hiddenBy" => field(|out, it: &Conversation| ids(out, it.hidden_by())),
        "properties" => {
            let below = compiler
                .below(asked, "ConversationProperties", |_, asked| properties(asked.name()))?;
            Some(Box::new(move |out, scene, it| {
                json::list(out, &it.properties, |out, one| below.write(out, scene, one));
            }))
        }
        "isMuted" => own(|out, it, viewer| json::truth(out, it.is_muted_by(viewer))),
        "isFavorite" => own(|out, it, viewer| json::truth(out, it.is_favorite_of(viewer))),
        "isHidden" => own(|out, it, viewer| json::truth(out, it.is_hidden_for(viewer))),
        "backgroundColor" => own(|out, it, viewer| {
            let properties = it.properties_of(viewer);
            let color = properties.and_then(|properties| properties.background_color.as_deref());
            json::optional_text(out, color);
        }),
        // Messages are read by calls of their own.
        _ => None,
    }
}

/// A field that depends on who sees the conversation.
#[expect(clippy::unnecessary_wraps, reason = "a field that is not plain has none")]
fn own(
    write: impl Fn(&mut Vec<u8>, &Conversation, UserId) + Send + Sync + 'static,
) -> Option<Write<Conversation>> {
    Some(Box::new(move |out, scene, conversation| write(out, conversation, scene.viewer())))
}

fn properties(name: &str) -> Option<Write<ConversationProperties>> {
    match name {
        "userId" => field(|out, it: &ConversationProperties| id(out, it.user_id.digits())),
        "isMuted" => field(|out, it: &ConversationProperties| json::truth(out, it.is_muted)),
        "isFavorite" => field(|out, it: &ConversationProperties| json::truth(out, it.is_favorite)),
        "hideId" => field(|out, it: &ConversationProperties| json::text(out, &it.hide_id)),
        "backgroundColor" => field(|out, it: &ConversationProperties| {
            json::optional_text(out, it.background_color.as_deref());
        }),
        _ => None,
    }
}

fn participant<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<Participant>> {
    match asked.name() {
        "id" => field(|out, it: &Participant| id(out, it.id.digits())),
        "name" => field(|out, it: &Participant| json::text(out, &it.name)),
        "isViewer" => Some(Box::new(|out, scene, it| json::truth(out, it.id == scene.viewer()))),
        "friend" => {
            compiler.need(Needed::Friends);
            let below = compiler.below(asked, "Friend", friend)?;
            Some(Box::new(move |out, scene, it| write_friend(out, scene, it.id, &below)))
        }
        _ => None,
    }
}

fn friend<'a>(compiler: &mut Compiler<'a>, asked: &Asked<'a>) -> Option<Write<Friend>> {
    match asked.name() {
        "id" => field(|out, it: &Friend| id(out, it.id.digits())),
        "name" => field(|out, it: &Friend| json::text(out, it.name())),
        "publicKey" => field(|out, it: &Friend| json::optional_text(out, it.public_key())),
        "availability" => field(|out, it: &Friend| json::optional_text(out, it.availability())),
        "isAvailable" => field(|out, it: &Friend| json::truth(out, it.is_available())),
        "conversations" => conversations_of_friend(compiler, asked),
        _ => None,
    }
}

fn conversations_of_friend<'a>(
    compiler: &mut Compiler<'a>,
    asked: &Asked<'a>,
) -> Option<Write<Friend>> {
    compiler.need(Needed::Conversations);
    let after: Option<String> = compiler.argument(asked, "after")?;
    let first = compiler.argument(asked, "first")?;
    let arguments = conversations::newest_page(first, after.as_deref()).ok()?;
    let below = conversation_connection(compiler, asked)?;
    Some(Box::new(move |out, scene, friend| {
        let (list, viewer) = (scene.conversations(), scene.viewer());
        let condition = ConversationFilter::with_participant(friend.id);
        let direction = OrderDirection::Desc;
        let page = conversations::connection(list, viewer, &condition, direction, &arguments);
        below.write(out, scene, &page);
    }))
}
