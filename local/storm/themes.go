package storm

import "time"

// themeStart has changes that are under way when the run starts.
func (s *script) themeStart(d dice) {
	s.Theme = "start"
	s.Calls[0].At = d.between(130, 220)
	for i := range 1 + d.IntN(2) {
		c := s.change(d)
		if i == 0 && d.one(2) {
			c = s.replacement(d)
		}
		c.At, c.Hold = s.Calls[0].At-d.between(10, 130), d.between(150, 450)
		s.Changes = append(s.Changes, c)
	}
	if views := s.names(func(t table) bool { return !t.writable() }); len(views) > 0 && d.one(3) {
		s.Calls[0].Tables = nil // what they are made of changes unseen
		for _, name := range views {
			s.Calls[0].Tables = append(s.Calls[0].Tables, s.Schema+"."+name)
		}
		if over := s.table(views[0]).Over[0]; s.table(over).writable() {
			s.Changes[0].Kind, s.Changes[0].Table = "reload", over
		}
	}
	if d.one(5) {
		s.Calls[0].Held = d.between(50, 250)
		s.Calls[0].At = d.between(0, 40)
	}
	s.sometimesTwice(d)
}

// themeMiddle has a long reading, in the middle of which sessions end and tables
// change that are yet to be read.
func (s *script) themeMiddle(d dice) {
	s.Theme = "middle"
	s.slow(d, "slowly", 600)
	c := &s.Calls[0]
	c.Streams = pick(d, []int{1, 1, 2})
	if d.one(4) {
		c.Held = d.between(20, 100)
	}
	if d.IntN(10) < 7 {
		what := pick(d, []string{"the idle", "the idle", "the idle", "the idle", "a session", "the busy", "all"})
		s.Kills = append(s.Kills, kill{Reading: true, At: d.between(0, 100), What: what})
	}
	for range 1 + d.IntN(3) {
		c := s.change(d)
		c.Reading, c.At, c.Hold = true, d.between(20, 250), d.between(0, 60)
		s.Changes = append(s.Changes, c)
	}
	s.Lasts = 500 * time.Millisecond
}

// slow makes the first table that is read take a while.
func (s *script) slow(d dice, filter string, rows int) {
	t := &s.Tables[d.IntN(2)]
	t.Rows, t.Treatment.Filter = rows, filter
}

// huge adds a table of several spans, which is written and asked for.
func (s *script) huge(d dice, filter string) {
	s.Tables = append(s.Tables, table{Name: "huge", Shape: big, Rows: 8000 + 100*d.IntN(20), Treatment: treatment{Filter: filter}})
	s.Calls[0].Tables = append(s.Calls[0].Tables, s.Schema+".huge")
	s.Writers[2].Tables = append(s.Writers[2].Tables, "huge")
}

// themeFaults has S3 fail, and the function die.
func (s *script) themeFaults(d dice) {
	s.Theme = "faults"
	if d.one(4) { // a part of several pieces, whose end is not what it seems
		s.huge(d, "")
		s.Calls[0].PartBytes = 0
		s.Faults = append(s.Faults, fault{
			Kind: pick(d, []string{"says 200", "did and says 200"}), Op: "CompleteMultipartUpload", Every: 1, Times: 1 + d.IntN(2),
		})
	}
	for range 1 + d.IntN(2) {
		s.Faults = append(s.Faults, fault{
			Kind:  pick(d, []string{"refuses", "is busy", "loses its answer", "cuts", "is slow", "did and refuses"}),
			On:    pick(d, []string{"", "", "/receipt.json", "/manifest.json", "/part-"}),
			Op:    pick(d, []string{"", "", "PutObject", "UploadPart"}),
			Every: pick(d, []int{1, 2, 3, 5}), Times: pick(d, []int{1, 2, 5, 5, 40}),
		})
	}
	if d.one(4) {
		s.Faults = append(s.Faults, d.death("/receipt.json", "/manifest.json", "/part-"))
	}
	s.withKills(d, 3)
	s.sometimesTwice(d)
	if d.one(3) {
		s.Changes = append(s.Changes, s.anytime(d))
	}
	if d.one(8) { // one that only a deadline ends
		s.Faults = append(s.Faults, fault{Kind: "is silent", Every: 3, Times: 1})
		s.Calls[0].Function = hasty
	}
}

// death has the function die over a write.
func (d dice) death(on ...string) fault {
	return fault{Kind: pick(d, []string{deadly, deadlyDone}), On: pick(d, on), Op: "PutObject", Every: 1 + d.IntN(3), Times: 1 + d.IntN(2)}
}

// themeDeadline has the time run out, and the run go on.
func (s *script) themeDeadline(d dice) {
	s.Theme = "deadline"
	if d.one(2) {
		s.slow(d, "slower", 500)
	} else { // several spans, of which one is finished in time
		s.huge(d, "a little slowly")
	}
	s.Calls[0].Function = hasty
	s.Calls[0].Streams = pick(d, []int{1, 2})
	s.Calls[0].Again = d.one(3)
	s.Lasts = d.between(1200, 2000)
	for range d.IntN(3) {
		c := s.anytime(d)
		c.At = d.between(200, 2500)
		s.Changes = append(s.Changes, c)
	}
	s.withKills(d, 5)
}

// themeAnything has a little of everything.
func (s *script) themeAnything(d dice) {
	s.Theme = "anything"
	for range d.IntN(4) {
		s.Changes = append(s.Changes, s.anytime(d))
	}
	s.withKills(d, 4)
	s.sometimesTwice(d)
	if d.one(2) {
		s.Calls = append(s.Calls, s.ask(d, d.between(300, 700)))
	}
}

func (s *script) anytime(d dice) change {
	c := s.change(d)
	c.At, c.Hold = d.between(0, 700), d.between(0, 300)
	return c
}

func (s *script) sometimesTwice(d dice) { s.Calls[0].Twice = d.one(7) }

// withKills ends the function or a session, once in n rounds each.
func (s *script) withKills(d dice, n int) {
	first := s.Calls[0].At
	if d.one(n) {
		s.Kills = append(s.Kills, kill{At: first + d.between(0, 500), What: "function"})
	}
	if d.one(n) {
		s.Kills = append(s.Kills, kill{At: first + d.between(0, 400), What: pick(d, []string{"the idle", "a session", "the busy", "all", "the statement of one"})})
	}
}
