package snowflake

import "testing"

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bend func(*Config)
		want string
	}{
		"account":      {func(c *Config) { c.Account = "a b" }, `account "a b"`},
		"plain http":   {func(c *Config) { c.Endpoint = "http://snowflake.example.com" }, "https only"},
		"credentials":  {func(c *Config) { c.Endpoint = "https://user:hunter2@example.com" }, "scheme and host alone"},
		"path":         {func(c *Config) { c.Endpoint = "https://example.com/api" }, "scheme and host alone"},
		"database":     {func(c *Config) { c.Database = "" }, "database"},
		"warehouse":    {func(c *Config) { c.Warehouse = "" }, "warehouse"},
		"ledger":       {func(c *Config) { c.LedgerSchema = "" }, "ledger schema"},
		"stage":        {func(c *Config) { c.Stage.Table = "" }, "stage"},
		"stage's URL":  {func(c *Config) { c.StageURL = "s3://bucket/stage" }, `"s3://bucket/stage"`},
		"not a bucket": {func(c *Config) { c.StageURL = "azure://bucket/" }, `"azure://bucket/"`},
		"lock wait":    {func(c *Config) { c.LockWait = -1 }, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config()
			test.bend(&c)
			_, err := New(c, &numbered{})
			wantError(t, err, "configuring Snowflake", test.want)
		})
	}
	_, err := New(config(), nil)
	wantError(t, err, "credentials")
}

func TestEndpointOfAnAccount(t *testing.T) {
	t.Parallel()
	for account, want := range map[string]string{
		"myorg-my_account":               "https://myorg-my-account.snowflakecomputing.com",
		"xy12345.eu-central-1":           "https://xy12345.eu-central-1.snowflakecomputing.com",
		"MyOrg-A.snowflakecomputing.com": "https://myorg-a.snowflakecomputing.com",
		"xy12345.us-east-1.privatelink":  "https://xy12345.us-east-1.privatelink.snowflakecomputing.com",
		"myorg-my_account.privatelink":   "https://myorg-my-account.privatelink.snowflakecomputing.com",
	} {
		c := config()
		c.Account = account
		w, err := New(c, &numbered{})
		if err != nil || w.api.endpoint != want {
			t.Errorf("%s: %v, %v, want %s", account, w, err, want)
		}
	}
	c := config()
	c.Endpoint = "http://127.0.0.1:8080/"
	if w, err := New(c, &numbered{}); err != nil || w.api.endpoint != "http://127.0.0.1:8080" {
		t.Errorf("%v, %v", w, err)
	}
}

func FuzzHostOf(f *testing.F) {
	f.Add("myorg-my_account")
	f.Add("a/b@c.example.com")
	f.Fuzz(func(t *testing.T, account string) {
		host, err := hostOf(account)
		if err != nil {
			return
		}
		for _, r := range host {
			if r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
				t.Errorf("account %q has host %q", account, host)
			}
		}
	})
}
