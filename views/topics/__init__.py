"""What many people complain of: the same matter at the same place, found in the text of messages without any model to fetch."""
