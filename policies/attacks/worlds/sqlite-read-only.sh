# A database with tables that may be read, and one that may not.
mkdir sqlite
"$PYTHON" - << 'END'
import sqlite3
with sqlite3.connect("sqlite/shop.db") as database:
    database.executescript("""
        CREATE TABLE customers (id INTEGER, name TEXT, city TEXT, email TEXT);
        CREATE TABLE orders (id INTEGER, customer_id INTEGER, status TEXT, total REAL);
        CREATE TABLE products (id INTEGER, name TEXT);
        CREATE TABLE secrets (id INTEGER, token TEXT);
        INSERT INTO customers VALUES (7, 'Ann', 'Zürich', NULL), (8, 'Bob', 'Rome', 'bob@acme.com');
        INSERT INTO orders VALUES (1, 7, 'open', 20.5), (2, 8, 'paid', 3);
        INSERT INTO products VALUES (1, 'Tea');
        INSERT INTO secrets VALUES (1, 's3cr3t');
    """)
END
