package config

import "errors"

// Listening gives where the pooler of a configuration listens, if that can be read, whatever else is
// wrong with it.
func Listening(path string) ([]Address, error) {
	l := &loader{
		reader: reader{failed: make(map[*node]bool)},
		config: &Config{File: path, tenantSecrets: make(map[string]Secret)},
	}
	l.main(path)
	switch {
	case len(l.config.Listen) > 0:
		return l.config.Listen, nil
	case len(l.faults) > 0:
		return nil, inFileOrder(l.faults)
	}
	return nil, errors.New(path + ": listen is empty")
}
