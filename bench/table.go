package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// table lays out rows as Markdown that also reads well as it is: the first
// two columns to the left, numbers to the right. The first row is the header.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for i, row := range rows {
		for j, cell := range row {
			text.WriteString("| " + pad(cell, widths[j], j < 2) + " ")
		}
		text.WriteString("|\n")
		if i == 0 {
			rule(&text, widths)
		}
	}
	return text.String()
}

func rule(text *strings.Builder, widths []int) {
	for j, width := range widths {
		if j < 2 {
			text.WriteString("|" + strings.Repeat("-", width+2))
		} else {
			text.WriteString("|" + strings.Repeat("-", width+1) + ":")
		}
	}
	text.WriteString("|\n")
}

func pad(cell string, width int, left bool) string {
	space := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
	if left {
		return cell + space
	}
	return space + cell
}

// figureTable is the medians of every contender in every scenario.
func figureTable(results []Result) string {
	figures := []figure{p50, p99, cpu, rss, anon, server, all, noise}
	header := []string{"scenario", "contender", tps.title, "spread"}
	for _, f := range figures {
		header = append(header, f.title)
	}
	rows := [][]string{header}
	for _, r := range results {
		for _, s := range r.Series {
			row := []string{r.Scenario.Name, s.label(r.Scenario), tps.median(s), spreadOf(s)}
			for _, f := range figures {
				row = append(row, f.median(s))
			}
			rows = append(rows, row)
		}
	}
	return table(rows)
}

func spreadOf(s *Series) string {
	values := tps.values(s)
	if len(values) < 2 {
		return "-"
	}
	return percent(spread(values))
}

// label is the contender's name, and the protocol if it is not the scenario's.
func (s *Series) label(scenario Scenario) string {
	if s.Protocol != scenario.Protocol {
		return fmt.Sprintf("%s (%s)", s.Contender, s.Protocol)
	}
	return s.Contender
}

// ratioTable compares tenantpool with each of the others; "" if it or they
// did not take part.
func ratioTable(results []Result) string {
	figures := []figure{tps, p50, p99, cpu, all, rss}
	header := []string{"scenario", "tenantpool against"}
	for _, f := range figures {
		header = append(header, f.short)
	}
	rows := [][]string{header}
	for _, r := range results {
		rows = append(rows, r.ratios("tenantpool", figures)...)
	}
	if len(rows) == 1 {
		return ""
	}
	return table(rows)
}

// ratios are the rows that compare one contender with each other one.
func (r Result) ratios(contender string, figures []figure) [][]string {
	subject := r.find(contender)
	if subject == nil {
		return nil
	}
	var rows [][]string
	for _, s := range r.Series {
		if s == subject {
			continue
		}
		row := []string{r.Scenario.Name, s.label(r.Scenario)}
		for _, f := range figures {
			row = append(row, f.ratio(subject, s))
		}
		rows = append(rows, row)
	}
	return rows
}

func (r Result) find(contender string) *Series {
	for _, s := range r.Series {
		if s.Contender == contender {
			return s
		}
	}
	return nil
}
