-- What the identity provider said of whoever it let in, sealed with the county's key: shown to it again when they sign out.
ALTER TABLE hub.session ADD COLUMN id_token text;
