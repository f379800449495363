package wire

import (
	"bytes"
	"strings"
)

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	noToken     tokenKind = iota // behind the last one, or before the first
	symbolToken                  // one character of punctuation or of an operator
	nameToken                    // an identifier or keyword without quotes
	quotedToken                  // an identifier in double quotes
	stringToken                  // a string constant of any spelling
	numberToken                  // a numeric constant or $1
	castToken                    // ::
)

// token is one token of SQL. sym is the character of a symbol; word is what the
// dictionary knows of a name.
type token struct {
	kind tokenKind
	sym  byte
	word word
}

func (t token) isName() bool { return t.kind == nameToken || t.kind == quotedToken }

// is tells whether t is that word, written without quotes.
func (t token) is(id word) bool { return t.kind == nameToken && t.word.id() == id }

// lexer cuts SQL into tokens as Postgres's scan.l does, and skips what lies
// between. unsure is set once Postgres might cut the text otherwise: for what
// scan.l refuses, for constants whose end depends on
// standard_conforming_strings, for U& with its escape characters, and where a
// character of several bytes may end in an ASCII byte (SJIS, BIG5, GBK,
// GB18030, UHC, JOHAB as client_encoding).
type lexer struct {
	sql    []byte
	pos    int
	unsure bool
}

// identifier maps the bytes that may continue an identifier to lower case, all
// others to 0.
var identifier = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'A' && c <= 'Z':
			t[c] = byte(c) + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '$', c >= 0x80:
			t[c] = byte(c)
		}
	}
	return t
}()

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// at is the byte n places further on, 0 behind the end.
func (l *lexer) at(n int) byte {
	if l.pos+n < len(l.sql) {
		return l.sql[l.pos+n]
	}
	return 0
}

// next is the next token, of kind noToken at the end.
func (l *lexer) next() token {
	l.skipBlank()
	if l.pos >= len(l.sql) {
		return token{}
	}
	switch c := l.sql[l.pos]; {
	case isDigit(c):
		l.skipNumber()
		return token{kind: numberToken}
	case c == '$':
		return l.dollar()
	case identifier[c] != 0:
		return l.name()
	case c == '\'':
		l.skipString(false)
		return token{kind: stringToken}
	case c == '"':
		return l.quoted()
	case c == ':' && l.at(1) == ':':
		l.pos += 2
		return token{kind: castToken}
	default:
		return l.punctuation(c)
	}
}

// skipBlank skips white space and comments.
func (l *lexer) skipBlank() {
	for l.pos < len(l.sql) {
		switch c := l.sql[l.pos]; {
		case c == ' ' || c >= '\t' && c <= '\r':
			l.pos++
		case c == '-' && l.at(1) == '-':
			l.skipLine()
		case c == '/' && l.at(1) == '*':
			l.skipComment()
		default:
			return
		}
	}
}

func (l *lexer) skipLine() {
	end := bytes.IndexAny(l.sql[l.pos:], "\r\n")
	if end < 0 {
		end = len(l.sql) - l.pos
	}
	l.pos += end
}

// skipComment skips a comment and those nested in it.
func (l *lexer) skipComment() {
	depth := 0
	for l.pos < len(l.sql) {
		switch {
		case l.sql[l.pos] == '/' && l.at(1) == '*':
			depth++
			l.pos += 2
		case l.sql[l.pos] == '*' && l.at(1) == '/':
			depth--
			l.pos += 2
		default:
			l.pos++
		}
		if depth == 0 {
			return
		}
	}
	l.unsure = true
}

// name reads an identifier, or the string constant that a prefix begins.
func (l *lexer) name() token {
	name, hash := l.sql[l.pos:], uint32(hashSeed)
	for i, c := range name {
		c = identifier[c]
		if c == 0 {
			name = name[:i]
			break
		}
		hash = hashByte(hash, c)
	}
	l.pos += len(name)
	follows := l.at(0)
	if len(name) == 1 && (follows == '\'' || follows == '&') && l.prefix(identifier[name[0]], follows) {
		return token{kind: stringToken}
	}
	if name[len(name)-1] >= 0x80 && follows > '9' {
		l.unsure = true
	}
	return token{kind: nameToken, word: words.find(name, hash, false)}
}

// prefix reads the constant behind a one-letter prefix, if it is one.
func (l *lexer) prefix(letter, follows byte) bool {
	if follows == '&' {
		l.unsure = l.unsure || letter == 'u'
		return false
	}
	switch letter {
	case 'e', 'b', 'x', 'n':
		l.skipString(letter == 'e')
		return true
	}
	return false
}

// skipString skips a constant in single quotes, from its opening quote on.
// Without escapes a backslash is a character like others if
// standard_conforming_strings is on: where that would make a difference to its
// end, the lexer is unsure.
func (l *lexer) skipString(escapes bool) {
	escaped := false // an odd number of backslashes lies just behind
	for l.pos++; l.pos < len(l.sql); l.pos++ {
		switch c := l.sql[l.pos]; {
		case c == '\\':
			escaped = !escaped
			l.unsure = l.unsure || l.sql[l.pos-1] >= 0x80
			continue
		case c != '\'' || escaped && escapes:
		case l.at(1) == '\'':
			l.unsure = l.unsure || escaped
			l.pos++
		default:
			l.unsure = l.unsure || escaped
			l.pos++
			return
		}
		escaped = false
	}
	l.unsure = true
}

// quoted reads an identifier in double quotes.
func (l *lexer) quoted() token {
	start, hash := l.pos+1, uint32(hashSeed)
	for l.pos++; l.pos < len(l.sql); l.pos++ {
		c := l.sql[l.pos]
		if c == '"' {
			if l.at(1) != '"' {
				l.pos++
				return token{kind: quotedToken, word: words.find(l.sql[start:l.pos-1], hash, true)}
			}
			l.pos++
		}
		hash = hashByte(hash, c)
	}
	l.unsure = true
	return token{kind: quotedToken}
}

// dollar reads a parameter or a string constant in dollar quotes.
func (l *lexer) dollar() token {
	if isDigit(l.at(1)) {
		for l.pos++; isDigit(l.at(0)); l.pos++ {
		}
		l.unsure = l.unsure || identifier[l.at(0)] != 0
		return token{kind: numberToken}
	}
	tag := 1
	for c := l.at(tag); c != '$' && identifier[c] != 0; c = l.at(tag) {
		tag++
	}
	if l.at(tag) != '$' {
		l.pos++
		l.unsure = true
		return token{kind: symbolToken, sym: '$'}
	}
	delimiter := l.sql[l.pos : l.pos+tag+1]
	l.pos += len(delimiter)
	end := bytes.Index(l.sql[l.pos:], delimiter)
	if end < 0 {
		l.pos = len(l.sql)
		l.unsure = true
	} else {
		l.pos += end + len(delimiter)
	}
	return token{kind: stringToken}
}

// skipNumber skips digits and points. An exponent or the rest of another
// spelling comes out as a name, which judges 1from as Postgres 14 reads it.
func (l *lexer) skipNumber() {
	for c := l.at(0); isDigit(c) || c == '.'; c = l.at(0) {
		l.pos++
	}
}

func (l *lexer) punctuation(c byte) token {
	l.pos++
	switch c {
	case ',', '(', ')', '[', ']', '.', ';', ':', '+', '-', '*', '/', '%', '^', '<', '>', '=',
		'~', '!', '@', '#', '&', '|', '`', '?':
	default:
		l.unsure = true
	}
	return token{kind: symbolToken, sym: c}
}

// word is what the scanner knows about one identifier: a number for those that
// it treats by name, and flags. The zero word is any other identifier.
type word uint32

const (
	idMask word = 1<<8 - 1

	// opensPlain: a statement that begins with it changes no state by itself.
	opensPlain word = 1 << 8
	// takesParen: a '(' behind it opens no arguments. Only words that Postgres
	// lets no function be named by without quotes, and a few of its infix
	// words.
	takesParen word = 1 << 9
	// harmless: a function of pg_catalog that leaves no state behind.
	harmless word = 1 << 10
	// namesNext: a name behind it is being named, not called. None of these
	// can stand before an expression.
	namesNext word = 1 << 11
)

func (w word) id() word { return w & idMask }

// The words with a part of their own in a rule of the scanner.
const (
	_ word = iota
	wAll
	wAlter
	wAnalyze
	wAs
	wBit
	wBy
	wChar
	wClose
	wCommit
	wConflict
	wConstraints
	wCreate
	wCube
	wCurrval
	wDeallocate
	wDeclare
	wDiscard
	wDrop
	wEnum
	wExecute
	wExplain
	wFilter
	wForeign
	wGlobal
	wGroup
	wGrouping
	wHash
	wHold
	wIdentity
	wInclude
	wIndex
	wInherits
	wInsert
	wInto
	wKey
	wList
	wListen
	wLocal
	wMaterialized
	wMerge
	wNot
	wOn
	wOperator
	wOr
	wOrder
	wOver
	wOwned
	wPartition
	wPgCatalog
	wPgSettings
	wPgTemp
	wPrepare
	wPrimary
	wRange
	wRecursive
	wRepeatable
	wReplace
	wReset
	wRevoke
	wRole
	wRollup
	wSchema
	wSequence
	wSessionLock
	wSessionUnlock
	wSet
	wSetConfig
	wSets
	wTable
	wTemp
	wThen
	wTo
	wTransaction
	wType
	wUnique
	wUnlisten
	wUnlogged
	wUpdate
	wUser
	wUsing
	wVarying
	wVerbose
	wView
	wWith
)

// named lists them by their text. Synonyms share a number.
var named = map[string]word{
	"all": wAll, "alter": wAlter, "analyse": wAnalyze, "analyze": wAnalyze, "as": wAs, "bit": wBit,
	"by": wBy, "char": wChar, "character": wChar, "close": wClose, "commit": wCommit, "conflict": wConflict,
	"constraints": wConstraints, "create": wCreate, "cube": wCube, "currval": wCurrval,
	"deallocate": wDeallocate, "declare": wDeclare, "discard": wDiscard, "drop": wDrop,
	"end": wCommit, "enum": wEnum, "execute": wExecute, "explain": wExplain, "filter": wFilter,
	"foreign": wForeign, "global": wGlobal, "group": wGroup, "grouping": wGrouping, "hash": wHash,
	"hold": wHold, "identity": wIdentity, "include": wInclude, "index": wIndex,
	"inherits": wInherits, "insert": wInsert, "into": wInto, "key": wKey, "lastval": wCurrval,
	"list": wList, "listen": wListen, "local": wLocal, "materialized": wMaterialized,
	"merge": wMerge, "nchar": wChar, "not": wNot, "on": wOn, "operator": wOperator, "or": wOr,
	"order": wOrder, "over": wOver, "owned": wOwned, "partition": wPartition,
	"pg_advisory_lock": wSessionLock, "pg_advisory_lock_shared": wSessionLock,
	"pg_advisory_unlock": wSessionUnlock, "pg_advisory_unlock_all": wSessionUnlock,
	"pg_advisory_unlock_shared": wSessionUnlock, "pg_catalog": wPgCatalog, "pg_settings": wPgSettings, "pg_temp": wPgTemp,
	"pg_try_advisory_lock": wSessionLock, "pg_try_advisory_lock_shared": wSessionLock,
	"prepare": wPrepare, "primary": wPrimary, "range": wRange, "recursive": wRecursive,
	"repeatable": wRepeatable, "replace": wReplace, "reset": wReset, "revoke": wRevoke,
	"role": wRole, "rollup": wRollup, "schema": wSchema, "sequence": wSequence, "set": wSet,
	"set_config": wSetConfig, "sets": wSets, "table": wTable, "temp": wTemp,
	"temporary": wTemp, "then": wThen, "to": wTo, "transaction": wTransaction, "type": wType,
	"unique": wUnique, "unlisten": wUnlisten, "unlogged": wUnlogged, "update": wUpdate, "user": wUser, "using": wUsing,
	"varying": wVarying, "verbose": wVerbose, "view": wView, "with": wWith,
}

// plainOpeners begin statements that are plain as far as their calls are.
const plainOpeners = `
abort analyse analyze begin checkpoint close cluster comment commit copy declare delete end fetch
grant insert lock merge move notify refresh reindex release rollback savepoint select show start
table truncate unlisten update vacuum values with`

// parenWords are the reserved words and the words of "cannot be a function or
// type name" of Postgres 14 to 18 (pg_get_keywords(), catcode R and C), and the
// infix words ilike, is, join, like and overlaps.
const parenWords = `
all analyse analyze and any array as asc asymmetric between bigint bit boolean both case cast char
character check coalesce collate column constraint create current_catalog current_date current_role
current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end
except exists extract false fetch float for foreign from grant greatest group grouping having ilike
in initially inout int integer intersect interval into is join lateral leading least like limit
localtime localtimestamp national nchar none normalize not null nullif numeric offset on only or
order out overlaps overlay placing position precision primary real references returning row select
session_user setof smallint some substring symmetric table then time timestamp to trailing trim true
union unique user using values varchar variadic when where window with xmlattributes xmlconcat
xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`

// namingWords stand before a name and never before an expression.
const namingWords = `
aggregate analyse analyze as copy exists function into ordinality procedure recursive references
routine table tablesample type vacuum view with`

// harmlessFunctions are functions of pg_catalog in Postgres 15 that leave
// nothing behind in the session but what a Trait of its own tells. Not here:
// set_config; setseed; what runs SQL it is handed as a text (query_to_xml,
// cursor_to_xml, ts_stat, ts_rewrite); what later versions added, for a name
// that is not built in may be a client's own function.
const harmlessFunctions = `
abs acos acosd acosh age area array_agg array_append array_cat array_dims array_fill
array_length array_lower array_ndims array_position array_positions array_prepend array_remove
array_replace array_to_json array_to_string array_to_tsvector array_upper ascii asin asind asinh
atan atan2 atan2d atand atanh avg
bit_and bit_count bit_length bit_or bit_xor bool bool_and bool_or bound_box box bpchar broadcast
btrim cardinality cbrt ceil ceiling center char_length character_length chr circle clock_timestamp
col_description concat concat_ws convert convert_from convert_to corr cos cosd cosh cot cotd count
covar_pop covar_samp cume_dist current_database current_query current_schema current_schemas
current_setting currval
date date_bin date_part date_trunc decode degrees dense_rank diagonal diameter div encode enum_first
enum_last enum_range every exp
factorial family first_value float4 float8 floor format format_type gcd gen_random_uuid
generate_series generate_subscripts get_bit get_byte get_current_ts_config has_any_column_privilege
has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege
has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege
hashtext hashtextextended height host hostmask
inet_client_addr inet_client_port inet_merge inet_same_family inet_server_addr inet_server_port
initcap int2 int4 int4range int8 int8range isclosed isempty isfinite isopen
json_agg json_array_elements json_array_elements_text json_array_length json_build_array
json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
json_object_agg json_object_keys json_populate_record json_populate_recordset json_strip_nulls
json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements
jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat
jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text jsonb_extract_path
jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys
jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query
jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz
jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set
jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days
justify_hours justify_interval
lag last_value lastval lcm lead left length line ln log log10 lower lower_inc lower_inf lpad lseg
ltrim
make_date make_interval make_time make_timestamp make_timestamptz masklen max md5 min min_scale mod
mode multirange netmask network nextval notlike now npoints nth_value ntile num_nonnulls num_nulls
numnode
obj_description octet_length overlaps parse_ident path percent_rank percentile_cont
percentile_disc pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_backend_pid
pg_blocking_pids pg_cancel_backend pg_client_encoding pg_collation_for pg_collation_is_visible
pg_column_compression pg_column_size pg_conf_load_time pg_conversion_is_visible
pg_current_snapshot pg_current_wal_insert_lsn pg_current_wal_lsn pg_current_xact_id
pg_current_xact_id_if_assigned pg_database_size pg_describe_object pg_encoding_to_char
pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_function_arguments
pg_get_function_identity_arguments pg_get_function_result pg_get_functiondef pg_get_indexdef
pg_get_keywords pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef
pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns
pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object
pg_index_column_has_property pg_indexes_size pg_is_in_recovery pg_is_other_temp_schema
pg_is_wal_replay_paused pg_last_wal_receive_lsn pg_last_wal_replay_lsn
pg_last_xact_replay_timestamp pg_listening_channels pg_my_temp_schema pg_notify
pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_partition_ancestors
pg_partition_root pg_partition_tree pg_postmaster_start_time pg_relation_filenode
pg_relation_is_publishable pg_relation_size pg_sequence_last_value pg_sequence_parameters
pg_size_bytes pg_size_pretty pg_sleep pg_sleep_for pg_sleep_until pg_snapshot_xmax
pg_snapshot_xmin pg_statistics_obj_is_visible pg_table_is_visible pg_table_size
pg_tablespace_location pg_tablespace_size pg_terminate_backend pg_timezone_abbrevs
pg_timezone_names pg_total_relation_size pg_trigger_depth pg_try_advisory_lock
pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible
pg_type_is_visible pg_typeof pg_wal_lsn_diff pg_xact_commit_timestamp phraseto_tsquery pi
plainto_tsquery point polygon popen pow power
querytree quote_ident quote_literal quote_nullable radians radius random range_agg
range_intersect_agg range_merge rank regexp_count regexp_instr regexp_like regexp_match
regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regr_avgx
regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace
reverse right round row_number row_security_active row_to_json rpad rtrim
scale set_bit set_byte set_masklen setval setweight sha224 sha256 sha384 sha512 shobj_description
sign sin sind sinh slope split_part sqrt starts_with statement_timestamp stddev stddev_pop
stddev_samp string_agg string_to_array string_to_table strip strpos substr sum
tan tand tanh text timeofday timestamptz timetz timezone to_ascii to_char to_date to_hex to_json
to_jsonb to_number to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc
to_regprocedure to_regrole to_regtype to_timestamp to_tsquery to_tsvector transaction_timestamp
translate trim_array trim_scale trunc ts_debug ts_delete ts_filter ts_headline ts_lexize ts_parse
ts_rank ts_rank_cd ts_token_type tsquery_phrase tsrange tstzrange tsvector_to_array
txid_current txid_current_if_assigned txid_current_snapshot txid_snapshot_xmax txid_snapshot_xmin
txid_status
unistr unnest upper upper_inc upper_inf var_pop var_samp varbit variance version
websearch_to_tsquery width width_bucket xml_is_well_formed xml_is_well_formed_content
xml_is_well_formed_document xmlagg xmlcomment xpath xpath_exists`

// dictionary is a hash table with open addressing, filled once and only read
// afterwards.
type dictionary [2048]struct {
	text string
	hash uint32
	word word
}

var words = newDictionary()

func newDictionary() *dictionary {
	all := make(map[string]word, 1024)
	for text, w := range named {
		all[text] |= w
	}
	for list, flag := range map[string]word{
		plainOpeners: opensPlain, parenWords: takesParen, namingWords: namesNext, harmlessFunctions: harmless,
	} {
		for _, text := range strings.Fields(list) {
			all[text] |= flag
		}
	}
	d := new(dictionary)
	for text, w := range all {
		h := uint32(hashSeed)
		for _, c := range []byte(text) {
			h = hashByte(h, c)
		}
		i := h % uint32(len(d))
		for d[i].text != "" {
			i = (i + 1) % uint32(len(d))
		}
		d[i].text, d[i].hash, d[i].word = text, h, w
	}
	return d
}

// The hash is FNV-1a.
const hashSeed = 2166136261

func hashByte(h uint32, lower byte) uint32 { return (h ^ uint32(lower)) * 16777619 }

// find is the word that name is, given the hash of its bytes in lower case.
// exact demands that the bytes be in lower case already.
func (d *dictionary) find(name []byte, hash uint32, exact bool) word {
	for i := hash % uint32(len(d)); d[i].text != ""; i = (i + 1) % uint32(len(d)) {
		if d[i].hash == hash && same(name, d[i].text, exact) {
			return d[i].word
		}
	}
	return 0
}

func same(name []byte, text string, exact bool) bool {
	if len(name) != len(text) {
		return false
	}
	if exact {
		return string(name) == text
	}
	for i, c := range name {
		if identifier[c] != text[i] {
			return false
		}
	}
	return true
}
