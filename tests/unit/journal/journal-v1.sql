-- A journal as schema 1 left it: two log rows, one settled and one waiting inbox row, one of everything else.
PRAGMA application_id = 0x41574A31;
BEGIN TRANSACTION;
CREATE TABLE inbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        payload BLOB NOT NULL,
        received REAL NOT NULL,
        settled INTEGER);
INSERT INTO "inbox" VALUES(3,'settled-key','state',X'',1.0,8);
INSERT INTO "inbox" VALUES(4,'waiting-key','state',X'77616974696E67',2.0,NULL);
CREATE TABLE log (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        settled REAL NOT NULL,
        payload BLOB NOT NULL);
INSERT INTO "log" VALUES(7,1.5,X'726F7720736576656E');
INSERT INTO "log" VALUES(8,1.5,X'726F77206569676874');
CREATE TABLE marks (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO "marks" VALUES('detected',X'38');
CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('id',X'6669727374');
INSERT INTO "meta" VALUES('key',X'736563726574');
CREATE TABLE snapshots (
        space TEXT NOT NULL,
        key TEXT NOT NULL,
        payload BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (space, key));
INSERT INTO "snapshots" VALUES('windows','w',X'77696E646F77',8);
CREATE TABLE versions (
        kind TEXT NOT NULL,
        uid TEXT NOT NULL,
        version TEXT NOT NULL,
        payload BLOB NOT NULL,
        seen REAL NOT NULL,
        listing INTEGER NOT NULL,
        PRIMARY KEY (kind, uid));
INSERT INTO "versions" VALUES('policies','u1','41',X'7B7D',5.0,2);
CREATE INDEX inbox_settled ON inbox (settled);
CREATE INDEX versions_listing ON versions (kind, listing);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('inbox',4);
INSERT INTO "sqlite_sequence" VALUES('log',8);
COMMIT;
PRAGMA user_version = 1;
