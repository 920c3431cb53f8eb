//! Follows tasks: the requestor (client side).
