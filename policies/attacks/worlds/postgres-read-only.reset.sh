# Tables that may be read, one of them with a column that may not; and what may not be read.
psql=$(ls /usr/lib/postgresql/*/bin/psql | tail -1)
"$psql" --quiet --no-psqlrc --output /dev/null --set ON_ERROR_STOP=1 --host /tmp --username postgres << 'END'
SET client_min_messages = warning;
BEGIN;
DROP SCHEMA IF EXISTS public, private CASCADE;
SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
CREATE SCHEMA public;
CREATE EXTENSION dblink;
CREATE TABLE customers (id int, name text, city text, email text, password_hash text);
CREATE TABLE orders (id int, customer_id int, product_id int, status text, total numeric, created_at timestamptz);
CREATE TABLE products (id int, name text, price numeric);
CREATE TABLE secrets (id int, token text);
INSERT INTO customers VALUES (7, 'Ann', 'Zürich', NULL, 'h4sh'), (8, 'Bob', 'Rome', 'bob@acme.com', 'h4sh too');
INSERT INTO orders VALUES (1, 7, 1, 'open', 20.5, '2024-05-06'), (2, 8, 1, 'paid', 3, '2024-06-07');
INSERT INTO products VALUES (1, 'Tea', 2.5);
INSERT INTO secrets VALUES (1, 's3cr3t');
CREATE SCHEMA private;
CREATE TABLE private.customers (id int, name text);
INSERT INTO private.customers VALUES (1, 's3cr3t');
SELECT lo_from_bytea(4711, 's3cr3t');
-- Functions of rows, which can be called like columns.
CREATE FUNCTION export(customers) RETURNS text LANGUAGE sql AS 'SELECT $1.password_hash';
CREATE FUNCTION n(customers) RETURNS text LANGUAGE sql AS 'SELECT $1.password_hash';
COMMIT;
END
