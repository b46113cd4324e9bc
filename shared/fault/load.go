package fault

// The codes of loads.
const (
	// Held: a window in front of this one is not loaded yet.
	Held Code = "held"
	// Doubles: rows that are appended are in the target already.
	Doubles Code = "doubles"
	// Late: newer runs have brought some of the rows, and it cannot be told which.
	Late Code = "late"
	// OtherSource: the target is fed from another table.
	OtherSource Code = "other_source"
	// RowCount: the warehouse counted other than was staged.
	RowCount Code = "row_count"
	// Keys: the staged rows cannot be merged by their keys.
	Keys Code = "keys"
	// TargetColumn: a column of the target cannot take the staged one.
	TargetColumn Code = "target_column"
	// Busy: other loads of the target, or other transactions, came first too often.
	Busy Code = "busy"
	// Tampered: what is staged is not as its receipt says.
	Tampered Code = "tampered"
	// RowsRefused: COPY refused rows; the errors of the outcome name them.
	RowsRefused Code = "rows_refused"
	// NoRoute: nothing says how the object is to be loaded.
	NoRoute Code = "no_route"
	// Refused: the warehouse refused, or could not be reached.
	Refused Code = "warehouse"
)
