-- Which replica ends expired holds, and until when, by the database's clock. One row. On Citus a reference table.
CREATE TABLE sweep_lease (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  holder text NOT NULL,
  ends_at timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO sweep_lease (holder, ends_at) VALUES ('', '-infinity');
