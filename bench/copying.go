package main

import (
	"encoding/binary"
	"strings"
)

// copySize is how much a COPY carries.
const copySize = 100 << 20

// bulk makes the table that COPY reads, and an empty one that it writes to. A
// trigger throws away what is written, so that the server does little else
// than take it.
const bulk = `SET ROLE ` + role + `; SET search_path TO ` + tenant + `;
CREATE UNLOGGED TABLE bulk (line text);
ALTER TABLE bulk ALTER line SET STORAGE EXTERNAL;
INSERT INTO bulk SELECT repeat(md5(n::text), 32) FROM generate_series(1, 102400) n;
CREATE UNLOGGED TABLE sink (line text);
CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER forget BEFORE INSERT ON sink FOR EACH ROW EXECUTE FUNCTION forget()`

// copyBlock is 64 KiB of CopyData: 8 messages of one line each.
var copyBlock = func() []byte {
	line := strings.Repeat("0123456789abcdef", 512)[:8192-6] + "\n"
	var block []byte
	for range 8 {
		block = append(block, 'd')
		block = binary.BigEndian.AppendUint32(block, uint32(4+len(line)))
		block = append(block, line...)
	}
	return block
}()

// copyIn sends copySize.
func (d *driver) copyIn() error {
	d.out = d.out[:0]
	d.add('Q', "COPY sink FROM STDIN\x00")
	if _, err := d.conn.Write(d.out); err != nil {
		return err
	}
	if _, err := d.readTo('G'); err != nil {
		return err
	}
	for sent := 0; sent < copySize; sent += len(copyBlock) {
		if _, err := d.conn.Write(copyBlock); err != nil {
			return err
		}
	}
	d.out = d.out[:0]
	d.add('c', "")
	return d.ask(d.out)
}
