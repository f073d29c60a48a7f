-- What a bookmark stands for: the cursor, the table, the filter and the fields it was read with. Read with others, a source is
-- read from its start again; NULL: not known, of before this was kept.
ALTER TABLE hub.cursor ADD COLUMN reading text;
