-- How each limit of a call's first answer stood, used and held in turn: a call may be written before it is decided,
-- and then the database fills these in from the rows it has just locked.
ALTER TABLE call ADD COLUMN sums bigint[] NOT NULL DEFAULT '{}';
