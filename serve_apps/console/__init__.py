"""The console: web pages for people who would rather look than read. Pages hold no data; scripts fetch it by the API."""
