package pool

// Pool is the pool that the connection is of.
func (c *Conn) Pool() *Pool { return c.pool }
