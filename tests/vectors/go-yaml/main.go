// Prints trees as the YAML store of sops prints them: reads lines of JSON, each a list of documents, writes lines of
// JSON strings. Built and run by make.py beside it.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/stores/yaml"
)

func value(in any) any {
	switch in := in.(type) {
	case map[string]any:
		if items, ok := in["map"]; ok {
			branch := sops.TreeBranch{}
			for _, item := range items.([]any) {
				branch = append(branch, entry(item.([]any)))
			}
			return branch
		}
		if items, ok := in["list"]; ok {
			list := []any{}
			for _, item := range items.([]any) {
				list = append(list, value(item))
			}
			return list
		}
		if text, ok := in["time"]; ok {
			parsed, err := time.Parse(time.RFC3339Nano, text.(string))
			if err != nil {
				panic(err)
			}
			return parsed
		}
		return sops.Comment{Value: in["comment"].(string), Inline: in["inline"].(bool)}
	case json.Number:
		if number, err := in.Int64(); err == nil {
			return int(number)
		}
		number, _ := in.Float64()
		return number
	}
	return in
}

func entry(item []any) sops.TreeItem {
	if len(item) == 1 {
		return sops.TreeItem{Key: value(item[0])}
	}
	return sops.TreeItem{Key: item[0], Value: value(item[1])}
}

func main() {
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.UseNumber()
		var request struct {
			Indent    int
			Documents []any
		}
		if err := decoder.Decode(&request); err != nil {
			panic(err)
		}
		branches := sops.TreeBranches{}
		for _, document := range request.Documents {
			branches = append(branches, value(document).(sops.TreeBranch))
		}
		text, err := yaml.NewStore(&config.YAMLStoreConfig{Indent: request.Indent}).EmitPlainFile(branches)
		if err != nil {
			panic(err)
		}
		out.Encode(string(text))
	}
}
