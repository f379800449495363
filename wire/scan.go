package wire

// Traits is what the text of a Query or Parse shows of its effects on the
// session it runs in. A text that shows nothing is plain: Traits of 0.
type Traits uint32

// The traits of a text. Each is a matter of its words alone and errs towards
// being there.
const (
	// MayChangeState is set unless the text is known to leave all settings,
	// the role and the path as they are. It is set for SET, RESET, DISCARD, DO,
	// CALL, LOAD, PREPARE and EXECUTE, for set_config and pg_settings anywhere,
	// for a call of anything but a well-known function of pg_catalog, for
	// CREATE and ALTER of what runs code, for a text the scanner does not
	// understand or has not read to its end.
	MayChangeState Traits = 1 << iota
	// EndsTransaction: the first statement is COMMIT, END, COMMIT PREPARED or
	// PREPARE TRANSACTION.
	EndsTransaction
	// Listens: LISTEN.
	Listens
	// AdvisoryLocks: a function that takes an advisory lock for the session.
	AdvisoryLocks
	// MakesTemp: CREATE TEMP, SELECT INTO TEMP, or the schema pg_temp.
	MakesTemp
	// HoldsCursor: DECLARE ... WITH HOLD.
	HoldsCursor
	// PreparesSQL: PREPARE, but not PREPARE TRANSACTION.
	PreparesSQL
	// ExecutesSQL: EXECUTE of a prepared statement.
	ExecutesSQL
	// Deallocates: DEALLOCATE.
	Deallocates
	// DiscardsAll: DISCARD ALL, and nothing else.
	DiscardsAll
	// ReadsSequence: a call of lastval or currval.
	ReadsSequence
	// ChangesSchema: DROP or ALTER of a schema or a role, DROP OWNED, REVOKE.
	ChangesSchema
	// VisibleSet: SET, RESET, set_config or an UPDATE of pg_settings stands in
	// the text. SET CONSTRAINTS, which sets no parameter, does not count.
	VisibleSet
	// Releases: UNLISTEN, DEALLOCATE, CLOSE, DISCARD, DROP, or a function that
	// gives back advisory locks of the session.
	Releases
	// MultipleStatements: more than one, not counting empty ones.
	MultipleStatements
	// ChangesMeaning: CREATE, ALTER or DROP of something that a text may name, so
	// that the same text may mean something else behind it. Temporary objects,
	// indexes, sequences and roles do not count.
	ChangesMeaning
)

// MaxScan is how much of a text is read, in bytes. A longer one may change
// state in what was not read.
const MaxScan = 64 << 10

// Scan judges sql, which is not kept. It allocates nothing.
//
// It does not see what the text does not show: triggers, rules, views, column
// defaults, casts and operators that call functions of their own, functions
// called as t.f, and a client's own function under the name of a built-in one.
func Scan(sql []byte) Traits {
	var s scanner
	s.lex.sql = sql
	if len(sql) > MaxScan {
		s.lex.sql = sql[:MaxScan]
		s.traits = MayChangeState
	}
	for tok := s.lex.next(); tok.kind != noToken; tok = s.lex.next() {
		if tok.sym == ';' {
			s.endStatement()
			continue
		}
		s.take(tok)
	}
	s.endStatement()
	if s.lex.unsure {
		s.traits |= MayChangeState
	}
	switch {
	case s.statements > 1:
		s.traits |= MultipleStatements
	case s.discardAll:
		s.traits |= DiscardsAll
	}
	return s.traits
}

// scanner judges a text, statement by statement.
type scanner struct {
	lex        lexer
	traits     Traits
	statements int  // ended so far, without empty ones
	discardAll bool // the last one was DISCARD ALL
	statement
}

// statement is what is remembered of the statement being read.
type statement struct {
	tokens  int
	depth   int // of parentheses
	opening opening
	opener  word   // the first word, or the first that EXPLAIN does not own
	opens   int    // the place of the last token that EXPLAIN or opener stood at
	pending Traits // what the opening says so far
	prev    token
	name    qualifiedName // the one that ends in prev, or before prev if that is a point
	index   bool          // CREATE INDEX
	updates bool          // the word UPDATE was there
	selects bool          // the last INTO belongs to a SELECT

	temporary bool // CREATE TEMP
}

// qualifiedName is a name with its qualification.
type qualifiedName struct {
	last    token
	before  token // what stands before the whole name
	parts   int
	catalog bool // pg_catalog is all its qualification
}

// opening is where in its first words a statement is.
type opening uint8

const (
	atStart opening = iota
	afterExplain
	afterSet
	afterSetConstraints
	afterPrepare
	afterPrepareTransaction
	afterCreate
	afterAlter
	afterDrop
	opened // its kind is known
)

func (s *scanner) endStatement() {
	if s.tokens > 0 {
		s.statements++
		s.discardAll = s.tokens == 2 && s.opener == wDiscard && s.prev.is(wAll)
	}
	s.traits |= s.pending
	if s.depth != 0 {
		s.traits |= MayChangeState
	}
	s.statement = statement{}
}

func (s *scanner) take(tok token) {
	s.tokens++
	if s.opening != opened {
		s.open(tok)
	}
	switch {
	case tok.isName():
		s.takeName(tok)
	case tok.sym == '(':
		if s.prev.isName() {
			s.paren()
		}
		s.depth++
	case tok.sym == ')':
		s.depth--
	case tok.sym == '.':
		s.point()
	}
	s.prev = tok
}

// open takes a token of the words that say what kind of statement it is.
func (s *scanner) open(tok token) {
	if s.depth > 0 { // the options of EXPLAIN
		return
	}
	is := s.opening
	s.opening = opened
	switch is {
	case atStart:
		s.openStatement(tok)
	case afterExplain:
		s.openExplained(tok)
	case afterSet:
		if tok.is(wConstraints) {
			s.opening = afterSetConstraints
		}
	case afterSetConstraints:
		if tok.isName() && !tok.is(wTo) {
			s.pending = 0
		}
	case afterPrepare:
		if tok.is(wTransaction) {
			s.opening = afterPrepareTransaction
		}
	case afterPrepareTransaction:
		if tok.kind == stringToken {
			s.pending = MayChangeState | s.ifFirst(EndsTransaction)
		}
	case afterCreate, afterAlter, afterDrop:
		s.openDefinition(is, tok)
	}
}

// openStatement takes the first token of a statement, or of what EXPLAIN explains.
func (s *scanner) openStatement(tok token) {
	if tok.sym == '(' { // a query in parentheses
		return
	}
	s.opener, s.opens = tok.word.id(), s.tokens
	switch {
	case tok.kind != nameToken:
		s.pending = MayChangeState
	case tok.is(wCommit):
		s.pending = s.ifFirst(EndsTransaction)
	case tok.is(wListen):
		s.pending = Listens
	case tok.is(wDeallocate):
		s.pending = Deallocates | Releases
	case tok.is(wClose), tok.is(wUnlisten):
		s.pending = Releases
	case tok.is(wDiscard):
		s.pending = MayChangeState | Releases
	case tok.is(wRevoke):
		s.pending = ChangesSchema
	case tok.is(wReset):
		s.pending = MayChangeState | VisibleSet
	case tok.is(wExecute):
		s.pending = MayChangeState | ExecutesSQL
	case tok.is(wExplain):
		s.opening = afterExplain
	case tok.is(wSet):
		s.opening, s.pending = afterSet, MayChangeState|VisibleSet
	case tok.is(wPrepare):
		s.opening, s.pending = afterPrepare, MayChangeState|PreparesSQL
	case tok.is(wCreate):
		s.opening = afterCreate
	case tok.is(wAlter):
		s.opening = afterAlter
	case tok.is(wDrop):
		s.opening, s.pending = afterDrop, Releases
	case tok.word&opensPlain == 0:
		s.pending = MayChangeState
	}
}

func (s *scanner) ifFirst(t Traits) Traits {
	if s.statements > 0 {
		return 0
	}
	return t
}

// openExplained takes a token between EXPLAIN and what it explains.
func (s *scanner) openExplained(tok token) {
	switch {
	case tok.is(wAnalyze), tok.is(wVerbose):
		s.opens = s.tokens
		s.opening = afterExplain
	case tok.sym == '(':
		s.opening = afterExplain
	default:
		s.openStatement(tok)
	}
}

// openDefinition takes a token behind CREATE, ALTER or DROP, up to the one that
// says what is defined.
func (s *scanner) openDefinition(is opening, tok token) {
	switch tok.word.id() {
	case wOr, wReplace, wLocal, wGlobal, wUnlogged, wUnique, wMaterialized, wRecursive:
		s.opening = is
	case wTemp:
		s.opening, s.temporary = is, true
	case wSchema:
		s.pending |= ChangesMeaning
		if is != afterCreate {
			s.pending |= ChangesSchema
		}
	case wRole, wUser, wGroup, wOwned:
		s.pending |= ChangesSchema
		if is == afterCreate {
			s.pending = MayChangeState
		}
	case wIndex:
		s.index = is == afterCreate
	case wSequence:
	case wTable, wView, wType:
		if !s.temporary {
			s.pending |= ChangesMeaning
		}
	default:
		s.pending |= ChangesMeaning
		if is != afterDrop {
			s.pending |= MayChangeState
		}
	}
}

// takeName takes a name, or a further part of one.
func (s *scanner) takeName(tok token) {
	if s.prev.sym == '.' {
		s.name.catalog = s.name.parts == 1 && s.name.last.word.id() == wPgCatalog
		s.name.parts++
	} else {
		if s.prev.sym == '(' && s.name.last.is(wOperator) && tok.word.id() != wPgCatalog {
			s.traits |= MayChangeState // OPERATOR(schema.+)
		}
		s.name = qualifiedName{before: s.prev, parts: 1}
	}
	s.name.last = tok
	if tok.word != 0 {
		s.notice(tok)
	}
}

// notice takes a word that means something wherever it stands.
func (s *scanner) notice(tok token) {
	switch tok.word.id() {
	case wSetConfig:
		s.traits |= MayChangeState | VisibleSet
	case wPgSettings:
		s.traits |= MayChangeState
		if s.updates {
			s.traits |= VisibleSet
		}
	case wPgTemp:
		if s.opener == wSet && (s.prev.is(wTo) || s.prev.sym == '=') {
			s.traits |= MakesTemp
		}
	case wUpdate:
		s.updates = true
	case wInto:
		s.selects = !s.prev.is(wInsert) && !s.prev.is(wMerge)
	case wTemp:
		if tok.kind == nameToken && s.makesTemp() {
			s.traits |= MakesTemp
		}
	case wHold:
		if s.opener == wDeclare && s.prev.is(wWith) {
			s.traits |= HoldsCursor
		}
	case wExecute:
		if s.opener == wCreate && s.prev.is(wAs) {
			s.traits |= MayChangeState | ExecutesSQL
		}
	}
}

// makesTemp tells of the word TEMP, not yet in prev, whether it says what is
// being made. In INSERT INTO temp it is a name.
func (s *scanner) makesTemp() bool {
	switch s.prev.word.id() {
	case wCreate, wReplace, wLocal, wGlobal:
		return true
	}
	return s.prev.is(wInto) && s.selects
}

// point takes a '.', which makes what is before it a qualification.
func (s *scanner) point() {
	if !s.prev.isName() { // (x).y, a[1].y
		s.name = qualifiedName{before: s.prev, parts: 2}
		return
	}
	if s.name.last.word.id() == wPgTemp {
		s.traits |= MakesTemp
	}
}

// paren takes a '(' behind a name: a call, unless it is something else.
func (s *scanner) paren() {
	if s.opens == s.tokens-1 || s.isSyntax() || s.isNaming() {
		return
	}
	w := s.name.last.word
	switch w.id() {
	case wSessionLock:
		s.traits |= AdvisoryLocks
	case wSessionUnlock:
		s.traits |= Releases
	case wCurrval:
		s.traits |= ReadsSequence
	}
	known := s.name.parts == 1 || s.name.parts == 2 && s.name.catalog
	if !known || w&harmless == 0 {
		s.traits |= MayChangeState
	}
}

// isNaming tells whether what stands before the name makes the '(' behind it a
// list of columns or of types, or the modifier of a type.
func (s *scanner) isNaming() bool {
	b := s.name.before
	return b.kind == castToken || b.kind == nameToken && b.word&namesNext != 0 ||
		s.index && (b.is(wOn) || b.is(wUsing))
}

// isSyntax tells whether the name is a keyword that owns the '(' behind it.
// Words that could name a function count only where they cannot be one.
func (s *scanner) isSyntax() bool {
	tok, b := s.name.last, s.name.before
	if tok.kind != nameToken || s.name.parts > 1 {
		return false
	}
	switch tok.word.id() {
	case wOver, wFilter, wInclude, wInherits, wRepeatable:
		return b.sym == ')'
	case wKey:
		return b.is(wPrimary) || b.is(wForeign)
	case wConflict:
		return b.is(wOn)
	case wSets:
		return b.is(wGrouping)
	case wBy:
		return b.is(wGroup) || b.is(wOrder) || b.is(wPartition)
	case wRange, wList, wHash, wRollup, wCube:
		return b.is(wBy)
	case wInsert: // MERGE
		return b.is(wThen)
	case wIdentity, wEnum:
		return b.is(wAs)
	case wMaterialized:
		return b.is(wAs) || b.is(wNot)
	case wVarying:
		return b.is(wChar) || b.is(wBit)
	case wOperator:
		return true
	}
	return tok.word&takesParen != 0
}
