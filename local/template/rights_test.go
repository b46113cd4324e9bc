package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestStagingBucket(t *testing.T) {
	t.Parallel()
	loaded := ours(t)
	bucket := child(child(loaded.root, "Resources"), "StagingBucket")
	diff(t, "when the stack is deleted", []any{"Retain", "Retain"}, []any{bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]})
	got := child(bucket, "Properties")
	delete(got, "BucketName")
	noValue := "${AWS::NoValue}"
	diff(t, "properties", map[string]any{
		"OwnershipControls": map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
		"PublicAccessBlockConfiguration": map[string]any{
			"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
		},
		"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{
			map[string]any{"Fn::If": []any{
				"UseKms",
				map[string]any{
					"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": ""},
					"BucketKeyEnabled":              true,
				},
				map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}},
			}},
		}},
		"LifecycleConfiguration": map[string]any{"Rules": []any{
			map[string]any{
				"Id": "end-unfinished-uploads", "Status": "Enabled",
				"AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": 1},
			},
			map[string]any{"Fn::If": []any{
				"ExpireStaged",
				map[string]any{"Id": "expire-staged", "Status": "Enabled", "Prefix": "stage/", "TagFilters": []any{map[string]any{"Key": "stagelift", "Value": "staged"}}, "ExpirationInDays": "0"},
				noValue,
			}},
		}},
		"NotificationConfiguration": map[string]any{"EventBridgeConfiguration": map[string]any{"EventBridgeEnabled": true}},
	}, got)
	checkTLSOnly(t, child(properties(loaded, "StagingBucketPolicy"), "PolicyDocument"))
}

// conditioned are the statements that AWS gives no narrower resource for, each
// with the condition that must stay.
var conditioned = map[string]map[string]any{
	"LoadRole/Follow": {"StringEquals": map[string]any{"redshift-data:statement-owner-iam-userid": "${aws:userid}"}},
	"LoadSnowflakeRole/Identify": {
		"ForAllValues:StringEquals": map[string]any{"sts:IdentityTokenAudience": "snowflakecomputing.com"},
		"NumericLessThanEquals":     map[string]any{"sts:DurationSeconds": 900},
	},
}

func TestRightsAreNarrow(t *testing.T) {
	t.Parallel()
	for name, statement := range grants(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, action := range list(statement["Action"]) {
				if strings.Contains(fmt.Sprint(action), "*") {
					t.Errorf("action %v is not one action", action)
				}
			}
			if want, known := conditioned[name]; known {
				diff(t, "condition", want, child(statement, "Condition"))
				return
			}
			for _, resource := range list(statement["Resource"]) {
				if text := fmt.Sprint(resource); strings.HasPrefix(text, "*") || strings.HasSuffix(text, ":*") {
					t.Errorf("resource %v is everything", resource)
				}
			}
		})
	}
}

// TestRights states who may do what; a right that is added must be added here.
func TestRights(t *testing.T) {
	t.Parallel()
	got := map[string][]any{}
	for name, statement := range grants(t) {
		got[name] = list(statement["Action"])
	}
	log, setAside := []any{"logs:CreateLogStream", "logs:PutLogEvents"}, []any{"sqs:SendMessage"}
	encrypt := []any{"kms:GenerateDataKey", "kms:Decrypt"}
	tellMissing := []any{"s3:ListBucket"}
	handOn := []any{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
	diff(t, "rights", map[string][]any{
		"ExtractRole/Log": log, "ExtractRole/SetAside": setAside, "ExtractRole/Encrypt": encrypt,
		"ExtractRole/TellMissing": tellMissing,
		"ExtractRole/Connect":     {"rds-db:connect"},
		"ExtractRole/Stage":       {"s3:PutObject", "s3:PutObjectTagging", "s3:GetObject", "s3:AbortMultipartUpload"},
		"ExtractRole/FindUploads": {"s3:ListBucketMultipartUploads"},

		"ScheduleRole/Start": {"lambda:InvokeFunction"}, "ScheduleRole/SetAside": setAside,

		"HeaderRole/Log": log, "HeaderRole/SetAside": setAside, "HeaderRole/Encrypt": encrypt,
		"HeaderRole/TellMissing":    tellMissing,
		"HeaderRole/ReadHeaderless": {"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
		"HeaderRole/WriteHeaded": {
			"s3:PutObject", "s3:PutObjectTagging", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
		},
		"HeaderRole/FindUploads":      {"s3:ListBucketMultipartUploads"},
		"HeaderRole/TagHeaderless":    {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
		"HeaderRole/DeleteHeaderless": {"s3:DeleteObject"},

		"LoadRole/Log": log, "LoadRole/SetAside": setAside, "LoadRole/Encrypt": encrypt,
		"LoadRole/TellMissing":   tellMissing,
		"LoadRole/HandOn":        handOn,
		"LoadRole/ReadReceipts":  {"s3:GetObject"},
		"LoadRole/WriteOutcomes": {"s3:PutObject"},
		"LoadRole/Submit":        {"redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"},
		"LoadRole/Follow": {
			"redshift-data:DescribeStatement", "redshift-data:GetStatementResult", "redshift-data:CancelStatement",
			"redshift-data:ListStatements",
		},
		"LoadRole/ReadArrivals": {"s3:GetObject"}, "LoadRole/Gather": {"s3:PutObject", "s3:DeleteObject"},
		"LoadRole/TakeArrivals":         {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
		"LoadRole/Tell":                 {"events:PutEvents"},
		"LoadRole/LogIn on a cluster":   {"redshift:GetClusterCredentialsWithIAM"},
		"LoadRole/LogIn on a workgroup": {"redshift-serverless:GetCredentials"},

		"LoadSnowflakeRole/Log": log, "LoadSnowflakeRole/SetAside": setAside, "LoadSnowflakeRole/Encrypt": encrypt,
		"LoadSnowflakeRole/TellMissing":   tellMissing,
		"LoadSnowflakeRole/HandOn":        handOn,
		"LoadSnowflakeRole/ReadReceipts":  {"s3:GetObject"},
		"LoadSnowflakeRole/WriteOutcomes": {"s3:PutObject"},
		"LoadSnowflakeRole/ReadArrivals":  {"s3:GetObject"}, "LoadSnowflakeRole/Gather": {"s3:PutObject", "s3:DeleteObject"},
		"LoadSnowflakeRole/TakeArrivals": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
		"LoadSnowflakeRole/Tell":         {"events:PutEvents"},
		"LoadSnowflakeRole/Identify":     {"sts:GetWebIdentityToken"},
		"LoadSnowflakeRole/ReadKey":      {"secretsmanager:GetSecretValue"},

		"CopyRole/Read": {"s3:GetObject"}, "CopyRole/Locate": {"s3:GetBucketLocation"},
		"CopyRole/List": {"s3:ListBucket"}, "CopyRole/Decrypt": {"kms:Decrypt"},
	}, got)
}

func TestEveryParameterAndOutputIsDescribed(t *testing.T) {
	t.Parallel()
	loaded := ours(t)
	for _, section := range []string{"Parameters", "Outputs"} {
		for name := range child(loaded.root, section) {
			if description, _ := child(child(loaded.root, section), name)["Description"].(string); len(description) < 20 {
				t.Errorf("%s %s is described as %q", section, name, description)
			}
		}
	}
	var grouped []string
	metadata := child(child(loaded.root, "Metadata"), "AWS::CloudFormation::Interface")
	for _, group := range list(metadata["ParameterGroups"]) {
		group, _ := group.(map[string]any)
		for _, name := range list(group["Parameters"]) {
			grouped = append(grouped, fmt.Sprint(name))
		}
	}
	slices.Sort(grouped)
	diff(t, "parameters in the groups", slices.Sorted(maps.Keys(child(loaded.root, "Parameters"))), grouped)
}

// grants returns the statements of all roles, by role and Sid.
func grants(t *testing.T) map[string]map[string]any {
	t.Helper()
	loaded, found := ours(t), map[string]map[string]any{}
	for id := range child(loaded.root, "Resources") {
		for _, policy := range list(properties(loaded, id)["Policies"]) {
			policy, _ := policy.(map[string]any)
			for _, statement := range statementsOf(child(policy, "PolicyDocument")) {
				name := fmt.Sprintf("%s/%s", id, statement["Sid"])
				switch {
				case !strings.HasSuffix(name, "/LogIn"):
				case strings.HasPrefix(fmt.Sprint(statement["Action"]), "redshift-serverless:"):
					name += " on a workgroup"
				default:
					name += " on a cluster"
				}
				if found[name] != nil {
					t.Fatalf("two statements are called %s", name)
				}
				found[name] = statement
			}
		}
	}
	return found
}

// list returns a value that may stand alone or in a list, as a list.
func list(value any) []any {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		return value
	default:
		return []any{value}
	}
}

// TestCopyRoleListsWhatItReads: COPY needs to list what it reads ("Permissions to
// access other AWS resources").
func TestCopyRoleListsWhatItReads(t *testing.T) {
	t.Parallel()
	all := grants(t)
	read := fmt.Sprint(all["CopyRole/Read"]["Resource"])
	listed := fmt.Sprint(child(child(all["CopyRole/List"], "Condition"), "StringLike")["s3:prefix"])
	for _, prefix := range []string{"stage/*", "landing/*"} {
		if !strings.Contains(read, "/"+prefix) || !strings.Contains(listed, prefix) {
			t.Errorf("%s: COPY reads %s and lists %s, want both", prefix, read, listed)
		}
	}
}
