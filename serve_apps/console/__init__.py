"""The console: web pages for people who would rather look than read. They hold no data; scripts fetch it by the API."""
