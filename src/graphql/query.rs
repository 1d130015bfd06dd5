//! The root of queries. Each field is nullable and fails alone.

use async_graphql::{Context, ID, Object};

use super::input::parse_id;
use super::lists::conversations::{self, ConversationFilter, ConversationOrder};
use super::lists::friends::{self, FriendFilter, FriendOrder, FriendOrdering};
use super::paging::{Connection, PageArguments};
use super::selection::look_below;
use super::types::{BlocklistNode, ConversationNode, FriendNode, Viewer};
use super::{FieldError, Scope};
use crate::ozeki::UserId;

pub(super) struct Query;

/// What can be read. Except for `userId`, every field needs a session and shows what its user may see.
#[Object]
impl Query {
    /// The user whom the request's credential belongs to.
    async fn viewer(&self, context: &Context<'_>) -> Result<Option<Viewer>, FieldError> {
        Ok(Some(Viewer(Scope::reader(context)?.caller().clone())))
    }

    /// The viewer's conversations. Without an order the newest stand first, by last access.
    #[expect(clippy::too_many_arguments, reason = "they are the schema's")]
    async fn conversations(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The size of a page counted from the start: 0 to 200. Default 50. Not together with `last`."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what stands after the node with this cursor.")] after: Option<
            String,
        >,
        #[graphql(
            desc = "The size of a page counted from the end: 0 to 200. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what stands before the node with this cursor.")] before: Option<
            String,
        >,
        #[graphql(desc = "Only conversations for which all given conditions hold.")] filter: Option<
            ConversationFilter,
        >,
        #[graphql(desc = "Default: by last access, newest first.")] order_by: Option<
            ConversationOrder,
        >,
    ) -> Result<Option<Connection<ConversationNode>>, FieldError> {
        let reader = Scope::reader(context)?;
        let direction = conversations::direction(order_by.as_ref());
        let (after, before) = (after.as_deref(), before.as_deref());
        let arguments = PageArguments::parse(first, after, last, before, direction)?;
        let condition = filter.unwrap_or_default().validate()?;
        reader.start(look_below(context, None)?);
        let conversations = reader.conversations(context).await?;
        let viewer = reader.caller().user();
        Ok(Some(conversations::connection(
            &conversations,
            viewer,
            &condition,
            direction,
            &arguments,
        )))
    }

    /// One of the viewer's conversations. Null where the viewer has none with this id.
    async fn conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation's id: 32 hex digits.")] id: ID,
    ) -> Result<Option<ConversationNode>, FieldError> {
        let reader = Scope::reader(context)?;
        let id = parse_id("id", &id)?;
        reader.start(look_below(context, Some(id))?);
        let list = reader.conversations(context).await?;
        let viewer = reader.caller().user();
        Ok(list.find(id).map(|conversation| ConversationNode::new(conversation, viewer)))
    }

    /// The viewer's friends. Without an order they stand by name.
    #[expect(clippy::too_many_arguments, reason = "they are the schema's")]
    async fn friends(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The size of a page counted from the start: 0 to 200. Default 50. Not together with `last`."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what stands after the node with this cursor.")] after: Option<
            String,
        >,
        #[graphql(
            desc = "The size of a page counted from the end: 0 to 200. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what stands before the node with this cursor.")] before: Option<
            String,
        >,
        #[graphql(desc = "Only friends for whom all given conditions hold.")] filter: Option<
            FriendFilter,
        >,
        #[graphql(desc = "Default: by name, A to Z.")] order_by: Option<FriendOrder>,
    ) -> Result<Option<Connection<FriendNode>>, FieldError> {
        let reader = Scope::reader(context)?;
        let order = FriendOrdering::from(order_by);
        let (after, before) = (after.as_deref(), before.as_deref());
        let arguments = PageArguments::parse(first, after, last, before, order)?;
        let condition = filter.unwrap_or_default().validate()?;
        reader.start(look_below(context, None)?);
        let friends = reader.friends(context).await?;
        Ok(Some(friends::connection(&friends, &condition, order, &arguments)))
    }

    /// One of the viewer's friends. Null where the viewer has none with this id.
    async fn friend(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The friend's user id: 32 hex digits.")] id: ID,
    ) -> Result<Option<FriendNode>, FieldError> {
        let reader = Scope::reader(context)?;
        let id = parse_id("id", &id)?;
        reader.start(look_below(context, None)?);
        let list = reader.friends(context).await?;
        Ok(list.position(id).map(|position| FriendNode::new(&list, position)))
    }

    /// Whom and what the viewer blocked.
    async fn blocklist(&self, context: &Context<'_>) -> Result<Option<BlocklistNode>, FieldError> {
        Ok(Some(BlocklistNode(Scope::reader(context)?.blocklist(context).await?)))
    }

    /// The user id of an e-mail address: its MD5, in hex. The address is taken as it is, without surrounding blanks;
    /// upper and lower case differ. Needs no session.
    async fn user_id(
        &self,
        #[graphql(desc = "The e-mail address, such as `admin@ozeki.hu`.")] email: String,
    ) -> Result<ID, FieldError> {
        let id = UserId::from_email(&email);
        id.map(|id| id.to_string().into())
            .map_err(|error| FieldError::bad_input("email", error.to_string()))
    }
}
