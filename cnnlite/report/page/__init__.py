"""What a page is made of besides its sections: template, styles, scripts."""
