-- errors
SELECT file_name, line_number, column_name, error_code, error_message FROM sys_load_error_detail WHERE query_id = 4711 ORDER BY file_name, line_number LIMIT 20;
SELECT file_name, line_number, column_name, error_code, error_message FROM sys_load_error_detail WHERE user_id = current_user_id AND start_time BETWEEN '2026-11-21 00:30:55' AND '2026-11-21 00:32:05' ORDER BY file_name, line_number LIMIT 1000;
