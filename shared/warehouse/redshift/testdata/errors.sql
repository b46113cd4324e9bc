-- errors
SELECT file_name, line_number, column_name, error_code, error_message FROM sys_load_error_detail WHERE query_id = 4711 ORDER BY file_name, line_number LIMIT 20;
